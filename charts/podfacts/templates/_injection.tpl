{{/*
What injection.yaml needs. Its values are under injection:, with the names of
inject.Settings, and the image is that of the chart unless injection.image says
otherwise.
*/}}

{{/* The name of the policies, which have no namespace. */}}
{{- define "podfacts.injection.name" -}}
{{ .Values.injection.name | default (printf "%s-inject" .Release.Name) }}
{{- end }}

{{- define "podfacts.injection.labels" -}}
app.kubernetes.io/name: podfacts
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "podfacts.injection.image" -}}
{{- if .Values.injection.image -}}
{{ .Values.injection.image }}
{{- else if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "podfacts.injection.imagePullPolicy" -}}
{{ .Values.injection.imagePullPolicy | default .Values.image.pullPolicy }}
{{- end }}

{{/*
A value as a literal of CEL. Kubernetes lets the values of a map differ in type
only where dyn() hides it.
*/}}
{{- define "podfacts.injection.cel" -}}
{{- if kindIs "map" . -}}
{ {{- $map := . }}{{ range $i, $key := keys . | sortAlpha }}{{ if $i }}, {{ end }}{{ $key | toJson }}: dyn({{ include "podfacts.injection.cel" (get $map $key) }}){{ end -}} }
{{- else if kindIs "slice" . -}}
[ {{- range $i, $item := . }}{{ if $i }}, {{ end }}dyn({{ include "podfacts.injection.cel" $item }}){{ end -}} ]
{{- else -}}
{{ . | toJson }}
{{- end -}}
{{- end }}
