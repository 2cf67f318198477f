{{- define "podfacts.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "podfacts.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "podfacts.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "podfacts.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "podfacts.selectorLabels" -}}
app.kubernetes.io/name: {{ include "podfacts.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "podfacts.labels" -}}
{{- include "podfacts.labelsWith" (dict "root" . "labels" dict) }}
{{- end }}

{{/*
Labels of an object that has more of them; none of these replaces one of ours. A value
without a word behind its colon is null, and no labels.
*/}}
{{- define "podfacts.labelsWith" -}}
{{- with .root -}}
{{- $own := include "podfacts.selectorLabels" . | fromYaml }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $_ := set $own "app.kubernetes.io/version" (.Chart.AppVersion | trunc 63) }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own ($.labels | default dict) (deepCopy (.Values.commonLabels | default dict))) }}
{{- end }}
{{- end }}

{{/* Labels of the chart's own pods, which are not injected: they have podfacts already. */}}
{{- define "podfacts.podLabels" -}}
{{- $own := merge (dict "podfacts.dev/inject" "none") .labels (deepCopy (.root.Values.podLabels | default dict)) }}
{{- include "podfacts.labelsWith" (dict "root" .root "labels" $own) }}
{{- end }}

{{- define "podfacts.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "podfacts.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "podfacts.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* The ConfigMap's data, which also decides when the demo's pods are replaced. */}}
{{- define "podfacts.configuration" -}}
{{- if and ((.Values.config.api).objects) (eq ((.Values.config.api).mode | default "auto") "never") }}
{{- fail "podfacts: config.api.objects are never asked for, since config.api.mode is never; set it to auto or required" }}
{{- end -}}
podfacts.yaml: |
  {{- toYaml .Values.config | nindent 2 }}
{{- range $name := keys (.Values.files | default dict) | sortAlpha }}
{{- if eq $name "podfacts.yaml" }}
{{- fail "podfacts: files has podfacts.yaml, which is what config becomes; move it there" }}
{{- end }}
{{ $name | quote }}: {{ get $.Values.files $name | quote }}
{{- end }}
{{- end }}

{{/*
What the pods of the chart have in common. The dict has root and a container: args and
what goes on top of it.
*/}}
{{- define "podfacts.pod" -}}
{{- with .root.Values -}}
{{- $given := dict "image" (include "podfacts.image" $.root) "configMap" (include "podfacts.fullname" $.root) "imagePullPolicy" .image.pullPolicy "env" .extraEnv "volumeMounts" .extraVolumeMounts "resources" .resources "securityContext" .securityContext }}
{{- with $.listen }}{{ $_ := set $given "listen" . }}{{ end }}
{{- $container := include (printf "podfacts.lib.%s" $.kind) $given | fromYamlArray | first }}
{{- $container = merge (deepCopy $.container) (omit $container "restartPolicy") }}
{{- with .imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ include "podfacts.serviceAccountName" $.root }}
{{- with .podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.initContainers }}
initContainers:
{{- range . }}
- {{ toYaml (merge (deepCopy .) (omit $container "startupProbe" "readinessProbe" "livenessProbe" "ports")) | nindent 2 | trim }}
{{- end }}
{{- end }}
containers:
- {{ toYaml $container | nindent 2 | trim }}
volumes:
  {{- include "podfacts.lib.volumes" (dict "configMap" (include "podfacts.fullname" $.root) "containers" (list $container)) | nindent 2 }}
  {{- with .extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
