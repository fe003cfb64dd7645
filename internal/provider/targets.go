// SPDX-License-Identifier: MPL-2.0

package provider

import "slices"

// targets contains all targets.
var targets = []*target{mstrCache, mstrContentCache, cdnAsset, wpengineCache, httpCache}

// dataSources contains all data sources.
var dataSources = slices.Concat(mstrProjects.dataSources(), cdnServices.dataSources(), wpengineInstalls.dataSources())
