package portal

import "io/fs"

// Embedded are the templates as they are.
var Embedded fs.FS = embedded

// SetAssets replaces the templates, the stylesheet and the scripts.
func SetAssets(files fs.FS) { assets = files }
