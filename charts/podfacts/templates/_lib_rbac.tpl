{{/* A copy of podfacts-lib's, written by go test ./charts -update. */}}
{{/*
podfacts.rbac gives Role, ClusterRole and their bindings, as podfacts rbac prints them: the
least permissions for a configuration. Parameters, in a dict:

  root            the chart's $, for namespace and labels (required)
  config          the configuration, as a map (required, unless rules are given)
  serviceAccount  of the pods (required)
  name            of the roles and bindings; default: podfacts-SERVICEACCOUNT
  for             run, which watches, as exec --watch does, or init or exec;
                  default: run
  workload        what the pods belong to: Deployment, StatefulSet, DaemonSet,
                  CronJob, Job, ReplicaSet or Pod; default: any of these
  labels          of each object, as a map
  rules, clusterRules, namespaceRules
                  in place of what the chart computes, for a configuration with
                  templates: the rules of podfacts rbac, for the pod's namespace,
                  for the cluster, and for others as a map from their names
*/}}
{{- define "podfacts.lib.rbac" -}}
{{- include "podfacts.lib.known" (dict "of" "podfacts.lib.rbac" "given" . "names" (list "root" "config" "serviceAccount" "name" "for" "workload" "labels" "rules" "clusterRules" "namespaceRules")) }}
{{- include "podfacts.lib.required" (dict "of" "podfacts.lib.rbac" "given" . "names" (list "root" "serviceAccount")) }}
{{- $given := . }}
{{- range $name, $kind := dict "config" "map" "labels" "map" "rules" "slice" "clusterRules" "slice" "namespaceRules" "map" }}
{{- include "podfacts.lib.kind" (dict "of" "podfacts.lib.rbac" "given" $given "name" $name "kind" $kind) }}
{{- end }}
{{- $account := .serviceAccount }}
{{- $name := .name | default (printf "podfacts-%s" $account) }}
{{- $namespace := .root.Release.Namespace }}
{{- $labels := .labels }}
{{- $scopes := include "podfacts.lib.rbac.rules" . | fromJson }}
{{- range $scope := keys $scopes | sortAlpha }}
{{- $rules := get $scopes $scope }}
{{- $kind := ternary "ClusterRole" "Role" (eq $scope "*") }}
{{- $called := ternary $name (printf "%s-%s" $namespace $name) (eq $scope "") }}
{{- $in := ternary $namespace $scope (eq $scope "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $called }}
  {{- if ne $scope "*" }}
  namespace: {{ $in }}
  {{- end }}
  {{- with $labels }}
  labels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
rules:
{{- toYaml $rules | nindent 0 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $called }}
  {{- if ne $scope "*" }}
  namespace: {{ $in }}
  {{- end }}
  {{- with $labels }}
  labels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $called }}
subjects:
- kind: ServiceAccount
  name: {{ $account }}
  namespace: {{ $namespace }}
{{- end }}
{{- end }}

{{/*
podfacts.rbac.rules gives the rules as JSON: a map from namespaces to lists, where "" is
that of the pod and "*" the cluster.
*/}}
{{- define "podfacts.lib.rbac.rules" -}}
{{- if or (kindIs "slice" .rules) (kindIs "slice" .clusterRules) (kindIs "map" .namespaceRules) }}
{{- $scopes := deepCopy (.namespaceRules | default dict) }}
{{- with .rules }}{{ $_ := set $scopes "" . }}{{ end }}
{{- with .clusterRules }}{{ $_ := set $scopes "*" . }}{{ end }}
{{- $scopes | toJson }}
{{- else }}
{{- include "podfacts.lib.rbac.derive" . }}
{{- end }}
{{- end }}

{{/*
podfacts.rbac.derive computes them from the configuration. What facts take is in the table
(_table.tpl), which is generated from podfacts' code.
*/}}
{{- define "podfacts.lib.rbac.derive" -}}
{{- include "podfacts.lib.required" (dict "of" "podfacts.lib.rbac" "given" . "names" (list "config")) }}
{{- $table := include "podfacts.lib.rbac.table" . | fromJson }}
{{- $for := .for | default "run" }}
{{- if eq $for "exec" }}{{ $for = "init" }}{{ end }}
{{- $workload := .workload | default "" }}
{{- $config := .config }}
{{- $own := .root.Release.Namespace }}
{{- if not (hasKey $table.facts $for) }}
{{- fail (printf "podfacts: rbac for is %q, but must be run, init or exec" $for) }}
{{- end }}
{{- if and $workload (not (has $workload $table.workloads)) }}
{{- fail (printf "podfacts: rbac workload is %q, but must be %s; for any other run podfacts rbac --workload, and give its rules" $workload (join ", " $table.workloads)) }}
{{- end }}
{{- $facts := get $table.facts $for }}
{{- $objects := dict }}
{{- range (($config.api).objects) }}{{ $_ := set $objects (.id | default "") . }}{{ end }}

{{- /* 1. What outputs, hooks and containers ask for: names of facts, or why that is not known. */}}
{{- $found := dict "keys" (list) "paths" (list) "objects" (list) "problems" (list) }}
{{- $outputs := $config.outputs | default list }}
{{- with $config.exec }}{{ $outputs = append $outputs (merge (dict "path" "exec") .) }}{{ end }}
{{- range $i, $output := $outputs }}
{{- $at := printf "output %s" ($output.path | default (printf "%d" (add1 $i))) }}
{{- if or $output.template $output.text }}
{{- $_ := set $found "problems" (append $found.problems (printf "%s is a template, and what it uses is not known to a chart" $at)) }}
{{- else if not (or $output.env $output.presets) }}
{{- $_ := set $found "keys" (concat $found.keys (keys $facts)) }}
{{- $_ := set $found "objects" (concat $found.objects (keys $objects)) }}
{{- else }}
{{- range $output.presets }}
{{- if not (hasKey $table.presets .) }}
{{- $_ := set $found "problems" (append $found.problems (printf "%s: there is no preset %q; there are %s" $at . (keys $table.presets | sortAlpha | join ", "))) }}
{{- else }}
{{- $_ := set $found "keys" (concat $found.keys (get $table.presets .)) }}
{{- end }}
{{- end }}
{{- range $output.env }}
{{- $path := .from | default ((((.valueFrom).fieldRef).fieldPath)) | default ((((.valueFrom).resourceFieldRef).resource)) | default "" }}
{{- $_ := set $found "paths" (append $found.paths (dict "at" (printf "%s: %s" $at (.name | default "")) "path" $path)) }}
{{- end }}
{{- end }}
{{- end }}
{{- /* Only who runs on serves. */}}
{{- if eq $for "run" }}
{{- range (($config.serve).expose) }}
{{- $_ := set $found "paths" (append $found.paths (dict "at" "serve.expose" "path" .)) }}
{{- end }}
{{- end }}
{{- /* A path is known by its first two names, by one where the second is up to users, or as a group. */}}
{{- range $found.paths }}
{{- $path := get $table.aliases .path | default .path }}
{{- $path = regexReplaceAll "^metadata[.](labels|annotations)" $path "pod.${1}" }}
{{- $names := regexFind "^[A-Za-z]+([.][A-Za-z]+)?" $path }}
{{- $first := regexFind "^[A-Za-z]+" $path }}
{{- $below := list }}
{{- if eq $path $first }}
{{- range keys $facts }}{{ if hasPrefix (printf "%s." $first) . }}{{ $below = append $below . }}{{ end }}{{ end }}
{{- end }}
{{- if eq $path "" }}
{{- else if eq $path "objects" }}
{{- $_ := set $found "objects" (concat $found.objects (keys $objects)) }}
{{- else if eq $first "objects" }}
{{- $id := regexReplaceAll "^objects(?:[.]([^.\\[]+)|\\[[\"']([^\"']+)[\"']\\]).*$" $path "${1}${2}" }}
{{- if hasKey $objects $id }}
{{- $_ := set $found "objects" (append $found.objects $id) }}
{{- else }}
{{- $_ := set $found "problems" (append $found.problems (printf "%s: api.objects has no %q" .at $id)) }}
{{- end }}
{{- else if hasKey $facts $names }}
{{- $_ := set $found "keys" (append $found.keys $names) }}
{{- else if hasKey $facts $first }}
{{- $_ := set $found "keys" (append $found.keys $first) }}
{{- else if $below }}
{{- $_ := set $found "keys" (concat $found.keys $below) }}
{{- else }}
{{- $_ := set $found "problems" (append $found.problems (printf "%s: the chart knows no fact %q" .at $path)) }}
{{- end }}
{{- end }}
{{- if contains "{{" (toJson $config.notify) }}
{{- $_ := set $found "problems" (append $found.problems "notify has a template, and what it uses is not known to a chart") }}
{{- end }}

{{- /* 2. The rules that facts and objects take. */}}
{{- $rules := dict }}
{{- range $key := uniq $found.keys }}
{{- range get $facts $key }}
{{- $rule := get $table.rules . }}
{{- if or (not $workload) (not $rule.workloads) (has $workload $rule.workloads) }}
{{- $_ := set $rules . (omit $rule "workloads") }}
{{- end }}
{{- end }}
{{- end }}
{{- range $id := uniq $found.objects }}
{{- $object := get $objects $id }}
{{- $group := ternary (splitList "/" ($object.apiVersion | default "") | first) "" (contains "/" ($object.apiVersion | default "")) }}
{{- $served := get $table.kinds (printf "%s/%s" $group $object.kind) }}
{{- if not $served }}
{{- $_ := set $found "problems" (append $found.problems (printf "objects.%s: how %s of %s is served is not known to a chart" $id ($object.kind | default "its kind") ($object.apiVersion | default "no apiVersion"))) }}
{{- else }}
{{- $scope := $object.namespace | default "" }}
{{- if or (not $served.namespaced) (eq $scope "*") }}{{ $scope = "*" }}{{ end }}
{{- if eq $scope $own }}{{ $scope = "" }}{{ end }}
{{- $verbs := ternary (list "get") (list "list") (not (empty $object.name)) }}
{{- if eq $for "run" }}{{ $verbs = append $verbs "watch" }}{{ end }}
{{- $rule := dict "apiGroups" (list $group) "resources" (list $served.resource) "verbs" $verbs "scope" $scope }}
{{- with $object.name }}{{ $_ := set $rule "resourceNames" (list .) }}{{ end }}
{{- $_ := set $rules (printf "object %s" $id) $rule }}
{{- end }}
{{- end }}

{{- if eq ((($config.api).mode) | default "auto") "never" }}
{{- $rules = dict }}
{{- else if $found.problems }}
{{- fail (printf "\n\npodfacts: the permissions cannot be computed:\n- %s\nRun podfacts check -c podfacts.yaml to see what is wrong with the configuration. If nothing is, run\npodfacts rbac -c podfacts.yaml and put its rules into rbac.rules (Role), rbac.clusterRules (ClusterRole)\nand rbac.namespaceRules (Roles elsewhere); rbac.rules: [] says that none are needed.\n" (join "\n- " $found.problems)) }}
{{- end }}

{{- /* 3. Rules that differ in their verbs only are one; each goes to its scope. */}}
{{- $merged := dict }}
{{- range $id := keys $rules | sortAlpha }}
{{- $rule := get $rules $id }}
{{- $names := list }}
{{- range $rule.resourceNames }}{{ $names = append $names (ternary $own . (eq . "<namespace>")) }}{{ end }}
{{- $key := list (ternary "" $rule.scope (eq $rule.scope $own)) $rule.apiGroups $rule.resources $names | toJson }}
{{- $verbs := concat (get $merged $key | default list) $rule.verbs | uniq | sortAlpha }}
{{- $_ := set $merged $key $verbs }}
{{- end }}
{{- $scopes := dict }}
{{- range $key := keys $merged | sortAlpha }}
{{- $parts := $key | fromJsonArray }}
{{- $rule := dict "apiGroups" (index $parts 1) "resources" (index $parts 2) "verbs" (get $merged $key) }}
{{- with index $parts 3 }}{{ $_ := set $rule "resourceNames" . }}{{ end }}
{{- $scope := index $parts 0 }}
{{- $_ := set $scopes $scope (append (get $scopes $scope | default list) $rule) }}
{{- end }}
{{- $scopes | toJson }}
{{- end }}
