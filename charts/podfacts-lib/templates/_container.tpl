{{/*
podfacts as an init container, which writes its files once, or as a sidecar, which
follows what changes. Both are what podfacts inject would add, and go first among
the initContainers of a pod, whose volumes come from podfacts.volumes. Parameters,
in a dict:

  image            (required)
  imagePullPolicy  default: as Kubernetes chooses
  configMap        name of the ConfigMap with podfacts.yaml and its templates;
                   without it an env file is written, outputDir/pod.env
  presets          of the env file, a list; default: pod, with configMap none
  format           dialect of the env file; default: sh
  outputDir        where files are written; default: /run/podfacts
  api              auto, never or required; default: never, with configMap as that says
  listen           a sidecar's address for health and metrics, such as :9300, which
                   then is open to everyone, as the port podfacts; default: a socket
                   in outputDir
  env              more variables, as in a container
  volumeMounts     more mounts, as in a container
  resources        default: 10m CPU, 16Mi to 64Mi memory
  securityContext  default: what the restricted Pod Security Standard admits
*/}}
{{- define "podfacts.initContainer" -}}
{{- include "podfacts.container" (dict "of" "podfacts.initContainer" "mode" "init" "given" .) }}
{{- end }}

{{- define "podfacts.sidecar" -}}
{{- include "podfacts.container" (dict "of" "podfacts.sidecar" "mode" "run" "given" .) }}
{{- end }}

{{- define "podfacts.container" -}}
{{- $names := list "image" "imagePullPolicy" "configMap" "presets" "format" "outputDir" "api" "listen" "env" "volumeMounts" "resources" "securityContext" }}
{{- include "podfacts.known" (dict "of" .of "given" .given "names" $names) }}
{{- include "podfacts.required" (dict "of" .of "given" .given "names" (list "image")) }}
{{- include "podfacts.values" (dict "of" .of "given" .given "mode" .mode) }}
{{- $table := include "podfacts.container.table" . | fromJson }}
{{- $of := .given }}
{{- $dir := $of.outputDir | default $table.outputDir }}
{{- $args := list .mode }}
{{- with $of.configMap }}{{ $args = concat $args (list "-c" "/etc/podfacts/podfacts.yaml") }}{{ end }}
{{- if or (not $of.configMap) $of.presets }}
{{- $args = concat $args (list "--env-file" (printf "%s/pod.env" $dir) "--format" ($of.format | default $table.format) "--preset" ($of.presets | default $table.presets | join ",")) }}
{{- end }}
{{- $env := $table.env }}
{{- with $of.api | default (ternary "" $table.api (not (empty $of.configMap))) }}
{{- $env = append $env (dict "name" "PODFACTS_API" "value" .) }}
{{- end }}
{{- if and (eq .mode "run") $of.listen }}
{{- $env = concat $env (list (dict "name" "PODFACTS_LISTEN" "value" $of.listen) (dict "name" "PODFACTS_LISTEN_ANY" "value" "true")) }}
{{- else if eq .mode "run" }}
{{- $env = append $env (dict "name" "PODFACTS_LISTEN" "value" (printf "unix://%s/podfacts.sock" $dir)) }}
{{- end }}
{{- $mounts := list (dict "name" "podfacts" "mountPath" $dir) (dict "name" "podfacts-info" "mountPath" "/etc/podinfo" "readOnly" true) }}
{{- with $of.configMap }}{{ $mounts = append $mounts (dict "name" "podfacts-config" "mountPath" "/etc/podfacts" "readOnly" true) }}{{ end }}
{{- $container := dict "name" "podfacts" "image" $of.image "args" $args "env" (concat $env ($of.env | default list)) "volumeMounts" (concat $mounts ($of.volumeMounts | default list)) }}
{{- with $of.imagePullPolicy }}{{ $_ := set $container "imagePullPolicy" . }}{{ end }}
{{- $_ := set $container "resources" (ternary $of.resources $table.resources (kindIs "map" $of.resources)) }}
{{- $_ := set $container "securityContext" (ternary $of.securityContext $table.securityContext (kindIs "map" $of.securityContext)) }}
{{- if eq .mode "run" }}
{{- $_ := set $container "restartPolicy" "Always" }}
{{- $_ := set $container "startupProbe" $table.startupProbe }}
{{- end }}
{{- if and $of.listen (not (regexMatch "^(127\\.|localhost:|\\[::1\\]:)" $of.listen)) }}
{{- $_ := set $container "ports" (list (dict "name" "podfacts" "containerPort" (regexFind "[0-9]+$" $of.listen | int))) }}
{{- end }}
{{- toYaml (list $container) }}
{{- end }}

{{/*
podfacts.volumes gives the volumes that the container mounts. Parameters, in a dict:

  configMap   as that of the container
  containers  the pod's containers, as far as they have resources: their limits and
              requests become facts
*/}}
{{- define "podfacts.volumes" -}}
{{- include "podfacts.known" (dict "of" "podfacts.volumes" "given" . "names" (list "configMap" "containers")) }}
{{- include "podfacts.values" (dict "of" "podfacts.volumes" "given" .) }}
{{- $table := include "podfacts.container.table" . | fromJson }}
{{- $items := $table.items }}
{{- range $container := .containers }}
{{- range $table.resourceItems }}
{{- $limits := (($container.resources).limits) | default dict }}
{{- $requests := (($container.resources).requests) | default dict }}
{{- $isRequest := hasPrefix "requests." .resource }}
{{- $resource := trimPrefix "requests." (trimPrefix "limits." .resource) }}
{{- if or (hasKey $limits $resource) (and $isRequest (hasKey $requests $resource)) }}
{{- $ref := dict "containerName" $container.name "resource" .resource "divisor" .divisor }}
{{- $items = append $items (dict "path" (printf "resources/%s/%s" $container.name .file) "resourceFieldRef" $ref) }}
{{- end }}
{{- end }}
{{- end }}
{{- $volumes := list (dict "name" "podfacts" "emptyDir" $table.emptyDir) (dict "name" "podfacts-info" "downwardAPI" (dict "items" $items)) }}
{{- with .configMap }}{{ $volumes = append $volumes (dict "name" "podfacts-config" "configMap" (dict "name" .)) }}{{ end }}
{{- toYaml $volumes }}
{{- end }}

{{/*
podfacts.volumeMounts gives the mount with which a container reads the files. One
parameter, in a dict: outputDir, as that of the container.
*/}}
{{- define "podfacts.volumeMounts" -}}
{{- include "podfacts.known" (dict "of" "podfacts.volumeMounts" "given" . "names" (list "outputDir")) }}
{{- include "podfacts.values" (dict "of" "podfacts.volumeMounts" "given" .) }}
{{- $table := include "podfacts.container.table" . | fromJson }}
{{- toYaml (list (dict "name" "podfacts" "mountPath" (.outputDir | default $table.outputDir) "readOnly" true)) }}
{{- end }}
