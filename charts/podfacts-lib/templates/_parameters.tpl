{{/* What every template here says of parameters that are wrong. */}}

{{- define "podfacts.known" -}}
{{- if not (kindIs "map" .given) }}
{{- fail (printf "%s: takes a dict, as in include %q (dict %s …)" .of .of (.names | first | quote)) }}
{{- end }}
{{- $known := .names }}
{{- $of := .of }}
{{- range $name := keys .given | sortAlpha }}
{{- if not (has $name $known) }}
{{- fail (printf "%s: unknown parameter %q; there are %s" $of $name (join ", " $known)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "podfacts.required" -}}
{{- $given := .given }}
{{- $of := .of }}
{{- range .names }}
{{- if not (get $given .) }}
{{- fail (printf "%s: %s is missing" $of .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* podfacts.kind checks whether a parameter is a list or a map, if it is there. */}}
{{- define "podfacts.kind" -}}
{{- $value := index .given .name }}
{{- if and (not (kindIs "invalid" $value)) (not (kindIs .kind $value)) }}
{{- fail (printf "%s: %s is %s, but must be a %s" .of .name (toJson $value) (ternary "list" "map" (eq .kind "slice"))) }}
{{- end }}
{{- end }}

{{/* podfacts.values checks what has a pattern or is one of several. */}}
{{- define "podfacts.values" -}}
{{- $table := include "podfacts.container.table" . | fromJson }}
{{- $given := .given }}
{{- $of := .of }}
{{- range $name, $rule := $table.patterns }}
{{- $value := get $given $name }}
{{- if and $value (not (and (kindIs "string" $value) (regexMatch $rule.pattern $value))) }}
{{- fail (printf "%s: %s is %s, but must be %s" $of $name (toJson $value) $rule.what) }}
{{- end }}
{{- end }}
{{- range $name, $known := $table.choices }}
{{- $value := get $given $name }}
{{- range $one := ternary $value (list $value) (kindIs "slice" $value) }}
{{- if and $value (not (has $one $known)) }}
{{- fail (printf "%s: %s is %s, but there are %s" $of $name (toJson $one) (join ", " $known)) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $kind := dict "presets" "slice" "env" "slice" "volumeMounts" "slice" "containers" "slice" "resources" "map" "securityContext" "map" }}
{{- include "podfacts.kind" (dict "of" $of "given" $given "name" $name "kind" $kind) }}
{{- end }}
{{- range $name := list "env" "volumeMounts" "containers" }}
{{- range index $given $name }}
{{- if not (and (kindIs "map" .) (get (ternary . dict (kindIs "map" .)) "name")) }}
{{- fail (printf "%s: %s has %s, but each must be a map with a name, as in a pod" $of $name (toJson .)) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $given.outputDir }}
{{- $dir := . }}
{{- if gt (len $dir) 64 }}
{{- fail (printf "%s: outputDir is %q, but must have at most 64 letters" $of $dir) }}
{{- end }}
{{- range $table.reserved }}
{{- if or (hasPrefix (printf "%s/" .) (printf "%s/" $dir)) (hasPrefix (printf "%s/" $dir) (printf "%s/" .)) }}
{{- fail (printf "%s: outputDir is %q, but must be apart from %s" $of $dir (join ", " $table.reserved)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (eq (.mode | default "") "init") $given.listen }}
{{- fail (printf "%s: listen is for sidecars; use podfacts.sidecar, or leave it out" $of) }}
{{- end }}
{{- if and $given.format $given.configMap (not $given.presets) }}
{{- fail (printf "%s: format is for presets, and with configMap there are none; give presets, or set the format in the configuration" $of) }}
{{- end }}
{{- end }}
