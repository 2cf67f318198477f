/*
Package charts holds what the charts have of podfacts' code: a chart cannot run it,
and so gets tables that go test ./charts -update writes.

  - _table.tpl says which permissions facts, presets and kinds take, and what an
    injected container looks like. _rbac.tpl and _container.tpl read it.
  - podfacts-lib has the templates. podfacts has a copy of them under names of its
    own, since a chart with dependencies can only be installed after fetching them,
    and since both may be dependencies of one chart, in two versions.
  - podfacts/files is a copy of what examples/monitoring has for Prometheus and
    Grafana.
  - the tables of the READMEs are the comments of values.yaml.

The tests here hold what is written against the code. That the charts do what
podfacts does, test/charts tests with Helm itself.
*/
package charts
