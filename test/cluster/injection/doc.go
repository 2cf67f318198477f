// Package injection holds podfacts inject against the admission policies: the same
// input gives the same pod, or the same words of refusal. The policies run in a real
// API server; what inject made of a manifest is created there without them, and the
// two pods are compared as the server has them, with every default filled in.
//
// The inputs are those of agent/inject/testdata, and pods that a generator makes up.
package injection
