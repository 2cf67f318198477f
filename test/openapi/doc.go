// Package openapi holds what podfacts serve says of itself against what it does.
package openapi
