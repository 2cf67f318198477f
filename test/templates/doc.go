// Package templates renders the same templates with podfacts, sprig and
// consul-template and compares. Where podfacts differs, it does so on purpose:
// the tests list each difference with its reason, and fail when it is gone.
package templates
