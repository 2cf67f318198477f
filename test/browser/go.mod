// The tests that look at the page of podfacts serve with a real browser. A module
// of its own, so that none of its requirements reach the product's go.mod.
module github.com/podfacts/podfacts/test/browser

go 1.26.0

replace github.com/podfacts/podfacts => ../..

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
)

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
