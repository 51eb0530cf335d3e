{{- define "headrace.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What every pod has. Links to services are off: HEADRACE_HTTP_PORT of a Service would be taken for a setting. */}}
{{- define "headrace.pod" -}}
serviceAccountName: {{ include "headrace.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{- define "headrace.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "headrace.commonEnv" -}}
- {name: HEADRACE_LOG_LEVEL, value: {{ .Values.log.level }}}
- {name: HEADRACE_LOG_FORMAT, value: {{ .Values.log.format }}}
{{- with .Values.http.url }}
- {name: HEADRACE_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.encryptionKey }}
{{- if .existingSecret }}
- name: HEADRACE_ENCRYPTION_KEY
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "headrace.plainEnv" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- define "headrace.secretsFrom" -}}
{{- with . }}
envFrom:
{{- range . }}
  - secretRef: {name: {{ . }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Health is asked on the management port, which listens on the pod's loopback alone: by curl inside the container. */}}
{{- define "headrace.probe" -}}
exec: {command: [curl, -fsS, -o, /dev/null, --noproxy, "*", --max-time, "4", "http://127.0.0.1:8081{{ .path }}"]}
{{ toYaml .times }}
{{- end -}}

{{- define "headrace.probes" -}}
startupProbe:
  {{- include "headrace.probe" (dict "path" "/health/started" "times" .Values.probes.startup) | nindent 2 }}
livenessProbe:
  {{- include "headrace.probe" (dict "path" "/health/live" "times" .Values.probes.liveness) | nindent 2 }}
readinessProbe:
  {{- include "headrace.probe" (dict "path" "/health/ready" "times" .Values.probes.readiness) | nindent 2 }}
{{- end -}}

{{- define "headrace.schedulerContainer" -}}
{{- $standalone := eq .Values.mode "standalone" -}}
name: headrace
image: {{ include "headrace.image" (dict "root" . "tasks" $standalone) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - {{ ternary "standalone" "scheduler" $standalone }}
  - --data=/data
  - --storage=/data/storage
  - --port=8080
  - --management-port=8081
  - --grpc-port=8082
{{- if include "headrace.exposed" . }}
  - "--http-address={{ .Values.http.address }}"
  - "--token-file=/etc/headrace/tokens/{{ .Values.http.tokensSecret.key }}"
{{- end }}
{{- if .Values.http.githubHooksSecret.name }}
  - "--github-hooks=/etc/headrace/github-hooks/{{ .Values.http.githubHooksSecret.key }}"
{{- end }}
  - "--durability={{ .Values.scheduler.durability }}"
  - "--loop-history={{ int .Values.scheduler.loopHistory }}"
{{- if $standalone }}
  - "--slots={{ int .Values.scheduler.slots }}"
{{- if .Values.connections.existingSecret }}
  - "--connections=/etc/headrace/connections/{{ .Values.connections.key }}"
{{- end }}
{{- else }}
  - --queue-endpoint=tcp://127.0.0.1:5570
  - "--lease={{ .Values.scheduler.lease }}"
{{- end }}
{{- range $file, $text := .Values.flows.files }}
  - "--flows=/etc/headrace/flows/{{ $file }}"
{{- end }}
{{- range $map := .Values.flows.configMaps }}
{{- range $map.files }}
  - "--flows=/etc/headrace/flows.{{ $map.name }}/{{ . }}"
{{- end }}
{{- end }}
ports:
  - {name: http, containerPort: 8080}
env:
  {{- include "headrace.commonEnv" . | nindent 2 }}
  {{- include "headrace.plainEnv" .Values.scheduler.env | trim | nindent 2 }}
{{- if $standalone }}
{{- include "headrace.secretsFrom" .Values.secrets }}
{{- end }}
{{ include "headrace.probes" . }}
resources: {{- toYaml .Values.scheduler.resources | nindent 2 }}
securityContext: {{- include "headrace.securityContext" . | nindent 2 }}
volumeMounts:
  - {name: data, mountPath: /data}
{{- if .Values.storage.existingClaim }}
  - {name: storage, mountPath: /data/storage}
{{- end }}
  - {name: tmp, mountPath: /tmp}
{{- include "headrace.schedulerFileMounts" . }}
{{- end -}}

{{- define "headrace.schedulerFileMounts" -}}
{{- if include "headrace.exposed" . }}
  - {name: tokens, mountPath: /etc/headrace/tokens, readOnly: true}
{{- end }}
{{- if .Values.http.githubHooksSecret.name }}
  - {name: github-hooks, mountPath: /etc/headrace/github-hooks, readOnly: true}
{{- end }}
{{- if and .Values.connections.existingSecret (eq .Values.mode "standalone") }}
  - {name: connections, mountPath: /etc/headrace/connections, readOnly: true}
{{- end }}
{{- if .Values.flows.files }}
  - {name: flows, mountPath: /etc/headrace/flows, readOnly: true}
{{- end }}
{{- range $i, $map := .Values.flows.configMaps }}
  - {name: flows-{{ $i }}, mountPath: "/etc/headrace/flows.{{ $map.name }}", readOnly: true}
{{- end }}
{{- end -}}

{{/* A worker of a pool. dict: root, name, pool, tmp (volume of /tmp), storage (volume), inside (in the scheduler's pod). */}}
{{- define "headrace.workerContainer" -}}
{{- $id := ternary (printf "$(POD_NAME)-%s" .name) "$(POD_NAME)" .inside -}}
name: {{ ternary (printf "worker-%s" .name) "worker" .inside }}
image: {{ include "headrace.image" (dict "root" .root "tasks" true "override" .pool.image) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  - --server=127.0.0.1:8082
  - worker
  - --scheduler=tcp://127.0.0.1:5570
  - "--id={{ $id }}"
  - "--slots={{ int .pool.slots }}"
{{- with .pool.group }}
  - "--group={{ . }}"
{{- end }}
{{- range $key, $value := .pool.tags }}
  - "--tags={{ $key }}={{ $value }}"
{{- end }}
  - --storage=/data/storage
  - "--drain-timeout={{ sub (int .pool.terminationGracePeriodSeconds) 30 }}s"
{{- if .root.Values.connections.existingSecret }}
  - "--connections=/etc/headrace/connections/{{ .root.Values.connections.key }}"
{{- end }}
env:
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - {name: HEADRACE_WORKER_ID, value: {{ $id }}}
  {{- include "headrace.commonEnv" .root | nindent 2 }}
  {{- include "headrace.plainEnv" .pool.env | trim | nindent 2 }}
{{- include "headrace.secretsFrom" (concat .root.Values.secrets .pool.secrets) }}
# A worker has no port of its own: it is ready when the scheduler lists it, and it ends by itself when it cannot go on.
readinessProbe:
  exec:
    command:
      - sh
      - -c
      - headrace --server 127.0.0.1:8082 worker-pool list -o name | grep -qxF "$HEADRACE_WORKER_ID"
  {{- toYaml .root.Values.probes.readiness | nindent 2 }}
resources: {{- toYaml .pool.resources | nindent 2 }}
securityContext: {{- include "headrace.securityContext" .root | nindent 2 }}
volumeMounts:
  - {name: {{ .storage }}, mountPath: /data/storage{{ if .inside }}{{ if eq .storage "data" }}, subPath: storage{{ end }}{{ end }}}
  - {name: {{ .tmp }}, mountPath: /tmp}
{{- if .root.Values.connections.existingSecret }}
  - {name: connections, mountPath: /etc/headrace/connections, readOnly: true}
{{- end }}
{{- end -}}

{{/* An end of the tunnel that carries the queue and the API between pods. dict: root, name, listen, connect. */}}
{{- define "headrace.tunnelContainer" -}}
name: {{ .name }}
image: {{ include "headrace.image" (dict "root" .root "tasks" true) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
# Outlives the worker, which reports its last results while it drains.
restartPolicy: Always
command: [socat, {{ .listen | quote }}, {{ .connect | quote }}]
{{- with .port }}
ports:
  - {name: {{ $.name }}, containerPort: {{ . }}}
{{- end }}
resources: {{- toYaml .root.Values.cluster.tunnel.resources | nindent 2 }}
securityContext: {{- include "headrace.securityContext" .root | nindent 2 }}
volumeMounts:
  - {name: tunnel, mountPath: /etc/headrace/tunnel, readOnly: true}
{{- end -}}

{{- define "headrace.tunnelKeys" -}}
cert=/etc/headrace/tunnel/tls.crt,key=/etc/headrace/tunnel/tls.key,cafile=/etc/headrace/tunnel/ca.crt,verify=1,openssl-min-proto-version=TLS1.2
{{- end -}}

{{- define "headrace.secretVolume" -}}
- name: {{ .name }}
  secret: {secretName: {{ .secret }}, defaultMode: 0440}
{{- end -}}

{{- define "headrace.tmpVolume" -}}
- name: {{ .name }}
  emptyDir: {sizeLimit: {{ .root.Values.tmp.sizeLimit }}}
{{- end -}}
