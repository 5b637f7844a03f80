{{- define "runstream.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "runstream.labels" -}}
app.kubernetes.io/name: runstream
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "runstream.selector" -}}
app.kubernetes.io/name: runstream
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "runstream.secret" -}}
{{- default (printf "%s-addresses" (include "runstream.name" .)) .Values.existingSecret -}}
{{- end -}}

{{- define "runstream.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "runstream.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "runstream.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "runstream.environment" -}}
- { name: RUNSTREAM_HOST, value: 0.0.0.0 }
- { name: RUNSTREAM_PORT, value: '7171' }
- { name: RUNSTREAM_LOG_PARTITIONS, value: {{ .Values.logPartitions | quote }} }
- { name: RUNSTREAM_LOG_LEVEL, value: {{ .Values.logLevel }} }
{{- end -}}
