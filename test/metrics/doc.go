// Package metrics holds podfacts' /metrics, and the dashboard and the alerts of
// examples/monitoring, against Prometheus' own parsers, linter and engine.
package metrics
