/*
Package charts renders the charts and the Kustomize component with what their users
have, Helm 4, Helm 3 and kubectl, and holds what comes out against podfacts itself and
against a real API server: permissions against podfacts rbac, containers and volumes
against podfacts inject, objects against a server-side dry run. In a node they are
tried by test/e2e.

What Helm reads, go test does not see: after a change of a chart, run it with -count=1,
as make test does.
*/
package charts
