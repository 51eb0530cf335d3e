{{- define "headrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "headrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "headrace.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "headrace.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "headrace.selector" -}}
app.kubernetes.io/name: {{ include "headrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "headrace.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "headrace.selector" . }}
{{- end -}}

{{- define "headrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "headrace.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Image of a container that runs tasks (tasks: true) or decides only. */}}
{{- define "headrace.image" -}}
{{- $image := .root.Values.image -}}
{{- if .override -}}
{{- .override -}}
{{- else if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- $tag := default .root.Chart.AppVersion $image.tag -}}
{{- if and .tasks $image.variant -}}
{{- $tag = printf "%s-%s" $tag $image.variant -}}
{{- end -}}
{{- printf "%s:%s" $image.repository $tag -}}
{{- end -}}
{{- end -}}

{{/* HTTP beyond the pod needs tokens: the program refuses to listen otherwise. */}}
{{- define "headrace.exposed" -}}
{{- if .Values.http.tokensSecret.name -}}true{{- end -}}
{{- end -}}

{{/* Pools that KEDA scales by what the schedulers tell. */}}
{{- define "headrace.scaled" -}}
{{- range $name, $pool := (include "headrace.pools" . | fromJson).pools -}}
{{- if and (eq $pool.autoscaling.kind "keda") (not $pool.autoscaling.triggers) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* A Redis remembers: one that is there, or the release's own for trials. */}}
{{- define "headrace.redis" -}}
{{- if or .Values.redis.existingSecret .Values.redis.trial.enabled -}}true{{- end -}}
{{- end -}}

{{/* Schedulers that share a Redis: they keep nothing of their own, and ask each other. */}}
{{- define "headrace.shared" -}}
{{- if and (eq .Values.mode "cluster") (include "headrace.redis" .) -}}true{{- end -}}
{{- end -}}

{{/* A plain value as it was written: YAML's numbers are floats here, which print as 1e+06 from a million on. */}}
{{- define "headrace.text" -}}
{{- if kindIs "float64" . -}}{{ toJson . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end -}}

{{/* The pools with what workerDefaults has for them, as JSON: {"pools": {NAME: POOL}}. */}}
{{- define "headrace.pools" -}}
{{- $pools := dict -}}
{{- range $name, $pool := .Values.workers -}}
{{- $_ := set $pools $name (mergeOverwrite (deepCopy $.Values.workerDefaults) (default dict $pool)) -}}
{{- end -}}
{{- dict "pools" $pools | toJson -}}
{{- end -}}
