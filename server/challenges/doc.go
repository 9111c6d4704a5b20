// Package challenges holds the directories that a server can find its challenges in: [Any], in which every challenge
// exists, and [File], a YAML file. Nothing outside this package depends on which one it is.
package challenges
