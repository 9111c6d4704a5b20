// Package challenges holds the directories that a server can find its challenges in: [Any], in which every challenge
// exists, [File], a YAML file, and [Watched], which is told of each that changes. Nothing outside this package depends on which one it is.
package challenges
