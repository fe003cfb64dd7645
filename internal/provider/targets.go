// SPDX-License-Identifier: MPL-2.0

package provider

import "slices"

// targets is everything that can be purged. A new target is one line here and
// one file of its own.
var targets = []*target{mstrCache, mstrContentCache, cdnAsset, wpengineCache, httpCache}

// dataSources is everything that can be looked up.
var dataSources = slices.Concat(mstrProjects.dataSources(), cdnServices.dataSources(), wpengineInstalls.dataSources())
