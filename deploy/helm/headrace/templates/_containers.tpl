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
- {name: HEADRACE_LOG_LEVEL, value: {{ .Values.log.level | quote }}}
- {name: HEADRACE_LOG_FORMAT, value: {{ .Values.log.format | quote }}}
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
- {name: {{ $name }}, value: {{ include "headrace.text" $value | quote }}}
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
{{- $shared := include "headrace.shared" . -}}
name: headrace
image: {{ include "headrace.image" (dict "root" . "tasks" $standalone) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - {{ ternary "standalone" "scheduler" $standalone }}
{{- if not $shared }}
  - --data=/data
{{- end }}
  - --storage=/data/storage
  - --port=8080
  - --management-port=8081
  - --grpc-port=8082
{{- if .Values.api.tlsSecret }}
  - "--grpc-address={{ .Values.http.address }}"
  - --grpc-cert=/etc/headrace/api/tls.crt
  - --grpc-key=/etc/headrace/api/tls.key
{{- end }}
{{- if include "headrace.exposed" . }}
  - "--http-address={{ .Values.http.address }}"
  - "--token-file=/etc/headrace/tokens/{{ .Values.http.tokensSecret.key }}"
{{- end }}
{{- if .Values.http.githubHooksSecret.name }}
  - "--github-hooks=/etc/headrace/github-hooks/{{ .Values.http.githubHooksSecret.key }}"
{{- end }}
{{- with .Values.scheduler.durability }}
  - "--durability={{ . }}"
{{- end }}
{{- if include "headrace.redis" . }}
  - "--replicas={{ int .Values.redis.replicas }}"
{{- end }}
  - "--loop-history={{ int .Values.scheduler.loopHistory }}"
{{- with .Values.scheduler.retain }}
  - "--retain={{ . }}"
{{- end }}
{{- if $standalone }}
  - "--slots={{ int .Values.scheduler.slots }}"
{{- if .Values.connections.existingSecret }}
  - "--connections=/etc/headrace/connections/{{ .Values.connections.key }}"
{{- end }}
{{- else }}
{{- if eq .Values.mode "cluster" }}
  - "--queue-endpoint=tcp://{{ include "headrace.listen" . }}:5570"
  - --queue-key=/etc/headrace/queue/key
  - --queue-authorized=/etc/headrace/queue/authorized
{{- else }}
  - --queue-endpoint=tcp://127.0.0.1:5570
{{- end }}
  - "--lease={{ .Values.scheduler.lease }}"
{{- end }}
{{- if $shared }}
  - --advertise=$(POD_IP)
  - --advertise-workers=$(POD_IP)
  - "--partition-lease={{ .Values.cluster.partitionLease }}"
  - --peer-ca=/etc/headrace/api/ca.crt
  - "--peer-name={{ include "headrace.fullname" . }}.{{ .Release.Namespace }}.svc"
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
{{- if .Values.api.tlsSecret }}
  - {name: grpc, containerPort: 8082}
{{- end }}
{{- if eq .Values.mode "cluster" }}
  - {name: queue, containerPort: 5570}
{{- end }}
env:
{{- if $shared }}
  - name: POD_IP
    valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- with .Values.api.schedulerToken }}
{{- if .secret }}
  - name: HEADRACE_PEER_TOKEN
    valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- end }}
  {{- include "headrace.commonEnv" . | nindent 2 }}
{{- if .Values.api.tlsSecret }}
  # For commands in this container; they need HEADRACE_TOKEN besides.
  - {name: HEADRACE_SERVER, value: "localhost:8082"}
  - {name: HEADRACE_TLS_CA, value: /etc/headrace/api/ca.crt}
{{- end }}
{{- with .Values.redis }}
{{- if .trial.enabled }}
  - {name: HEADRACE_STORE, value: "redis://{{ include "headrace.fullname" $ }}-redis.{{ $.Release.Namespace }}.svc"}
{{- else if .existingSecret }}
  - name: HEADRACE_STORE
    valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- with .Values.traces }}
{{- if .endpoint }}
  - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
{{- if .headersSecret.name }}
  - name: OTEL_EXPORTER_OTLP_HEADERS
    valueFrom: {secretKeyRef: {name: {{ .headersSecret.name }}, key: {{ .headersSecret.key }}}}
{{- end }}
{{- end }}
{{- end }}
  {{- include "headrace.plainEnv" .Values.scheduler.env | trim | nindent 2 }}
{{- if $standalone }}
{{- include "headrace.secretsFrom" .Values.secrets }}
{{- end }}
{{ include "headrace.probes" . }}
resources: {{- toYaml .Values.scheduler.resources | nindent 2 }}
securityContext: {{- include "headrace.securityContext" . | nindent 2 }}
volumeMounts:
{{- if not $shared }}
  - {name: data, mountPath: /data}
{{- end }}
{{- if .Values.storage.existingClaim }}
  - {name: storage, mountPath: /data/storage}
{{- end }}
  - {name: tmp, mountPath: /tmp}
{{- include "headrace.schedulerFileMounts" . }}
{{- end -}}

{{- define "headrace.schedulerFileMounts" -}}
{{- if .Values.redis.tlsSecret }}
  - {name: redis, mountPath: /etc/headrace/redis, readOnly: true}
{{- end }}
{{- if .Values.api.tlsSecret }}
  - {name: api, mountPath: /etc/headrace/api, readOnly: true}
{{- end }}
{{- if eq .Values.mode "cluster" }}
  - {name: queue, mountPath: /etc/headrace/queue, readOnly: true}
{{- end }}
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

{{/* A worker of a pool. dict: root, name, pool, tmp (volume of /tmp), storage (volume), port (of its health), inside (in the
     scheduler's pod, whose loopback it shares: its health is asked there). */}}
{{- define "headrace.workerContainer" -}}
{{- $full := include "headrace.fullname" .root -}}
{{- $tls := .root.Values.api.tlsSecret -}}
{{- $server := ternary (ternary "localhost:8082" "127.0.0.1:8082" (ne $tls "")) (printf "%s.%s.svc:8082" $full .root.Release.Namespace) .inside -}}
{{- $id := ternary (printf "$(POD_NAME)-%s" .name) "$(POD_NAME)" .inside -}}
name: {{ ternary (printf "worker-%s" .name) "worker" .inside }}
image: {{ include "headrace.image" (dict "root" .root "tasks" true "override" .pool.image) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  - "--server={{ $server }}"
{{- if $tls }}
  - --tls-ca=/etc/headrace/ca/ca.crt
{{- end }}
  - worker
{{- if .inside }}
  - --scheduler=tcp://127.0.0.1:5570
{{- else }}
  - "--scheduler=tcp://{{ $full }}-queue.{{ .root.Release.Namespace }}.svc:5570"
  - --key=/etc/headrace/queue/key
  - --scheduler-key=/etc/headrace/queue/scheduler-key
{{- end }}
  - "--id={{ $id }}"
  - "--slots={{ int .pool.slots }}"
{{- with .pool.group }}
  - "--group={{ . }}"
{{- end }}
{{- range $key, $value := .pool.tags }}
  - "--tags={{ $key }}={{ $value }}"
{{- end }}
  - --storage=/data/storage
  - "--health-port={{ .port }}"
{{- if not .inside }}
  - "--health-address={{ .root.Values.http.address }}"
{{- end }}
  - "--drain-timeout={{ sub (int .pool.terminationGracePeriodSeconds) 30 }}s"
{{- if .root.Values.connections.existingSecret }}
  - "--connections=/etc/headrace/connections/{{ .root.Values.connections.key }}"
{{- end }}
{{- if not .inside }}
ports:
  - {name: health, containerPort: {{ .port }}}
{{- end }}
env:
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  {{- include "headrace.commonEnv" .root | nindent 2 }}
{{- if $tls }}
{{- with .root.Values.api.workerTokens }}
  - name: HEADRACE_TOKEN
    valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .worker }}}}
{{- end }}
{{- end }}
  {{- include "headrace.plainEnv" .pool.env | trim | nindent 2 }}
{{- include "headrace.secretsFrom" (concat .root.Values.secrets .pool.secrets) }}
# Ready once a scheduler has welcomed it.
{{- range $probe, $path := dict "livenessProbe" "/health/live" "readinessProbe" "/health/ready" }}
{{ $probe }}:
  {{- if $.inside }}
  exec: {command: [curl, -fsS, -o, /dev/null, --noproxy, "*", --max-time, "4", "http://127.0.0.1:{{ $.port }}{{ $path }}"]}
  {{- else }}
  httpGet: {port: health, path: {{ $path }}}
  {{- end }}
  {{- toYaml (get $.root.Values.probes (trimSuffix "Probe" $probe)) | nindent 2 }}
{{- end }}
resources: {{- toYaml .pool.resources | nindent 2 }}
securityContext: {{- include "headrace.securityContext" .root | nindent 2 }}
volumeMounts:
  - {name: {{ .storage }}, mountPath: /data/storage{{ if .inside }}{{ if eq .storage "data" }}, subPath: storage{{ end }}{{ end }}}
  - {name: {{ .tmp }}, mountPath: /tmp}
{{- if .root.Values.connections.existingSecret }}
  - {name: connections, mountPath: /etc/headrace/connections, readOnly: true}
{{- end }}
{{- if $tls }}
  - {name: ca, mountPath: /etc/headrace/ca, readOnly: true}
{{- end }}
{{- if not .inside }}
  - {name: queue, mountPath: /etc/headrace/queue, readOnly: true}
{{- end }}
{{- end -}}

{{- define "headrace.secretVolume" -}}
- name: {{ .name }}
  secret: {secretName: {{ .secret }}, defaultMode: 0440}
{{- end -}}

{{/* What workers need to ask the API: whom to trust. Not the API's own key. */}}
{{- define "headrace.workerApiVolumes" -}}
- name: ca
  secret: {secretName: {{ .Values.api.tlsSecret }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end -}}

{{/* The address to listen on, as part of a URL. */}}
{{- define "headrace.listen" -}}
{{- if contains ":" .Values.http.address -}}[{{ .Values.http.address }}]{{- else -}}{{ .Values.http.address }}{{- end -}}
{{- end -}}

{{- define "headrace.tmpVolume" -}}
- name: {{ .name }}
  emptyDir: {sizeLimit: {{ .root.Values.tmp.sizeLimit }}}
{{- end -}}
