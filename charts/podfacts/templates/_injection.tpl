{{/*
What injection.yaml needs. Its values are under injection:, with the names of
inject.Settings, and the image is that of the chart unless injection.image says
otherwise.
*/}}

{{/*
Fails where the API server would not know what the policies are, and where they would
refuse every pod.
*/}}
{{- define "podfacts.injection.supported" -}}
{{- if semverCompare "<1.36.0-0" .Capabilities.KubeVersion.Version }}
{{- fail (printf "podfacts: injection.enabled is true, but the cluster is of Kubernetes %s, and the policies take 1.36; leave it out and use podfacts inject. helm template does not ask the cluster and is told by --kube-version" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- include "podfacts.lib.values" (dict "of" "podfacts: injection" "given" (pick .Values.injection "outputDir")) }}
{{- end }}

{{/* The name of the policies, which have no namespace. */}}
{{- define "podfacts.injection.name" -}}
{{ .Values.injection.name | default (printf "%s-inject" .Release.Name) }}
{{- end }}

{{- define "podfacts.injection.labels" -}}
{{- include "podfacts.labels" . }}
{{- end }}

{{- define "podfacts.injection.image" -}}
{{- .Values.injection.image | default (include "podfacts.image" .) }}
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
