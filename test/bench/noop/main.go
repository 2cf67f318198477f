// Noop does nothing: what any static Go program costs to start and end.
package main

func main() {}
