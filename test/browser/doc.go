// Package browser looks at the page of podfacts serve as people do.
package browser
