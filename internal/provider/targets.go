package provider

// targets is everything that can be purged. A new target is one line here and
// one file of its own.
var targets = []*target{mstrCache, cdnAsset, wpengineCache}
