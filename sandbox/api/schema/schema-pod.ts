import {
  all,
  any,
  atomic,
  flag,
  listBy,
  listOf,
  mapOf,
  number,
  open,
  quantity,
  scalar,
  setOf,
  struct,
  text,
} from './schema.js';

/** Metadata of every object and template. */
export const metadata = struct({
  ...all(text, 'name', 'namespace', 'generateName', 'creationTimestamp', 'deletionTimestamp', 'resourceVersion'),
  ...all(text, 'selfLink', 'uid'),
  ...all(number, 'deletionGracePeriodSeconds', 'generation'),
  labels: mapOf(text),
  annotations: mapOf(text),
  finalizers: setOf(text),
  ownerReferences: listBy(
    ['uid'],
    atomic(
      struct({
        ...all(text, 'apiVersion', 'kind', 'name', 'uid'),
        ...all(flag, 'blockOwnerDeletion', 'controller'),
      }),
    ),
  ),
  managedFields: listOf(any),
});

export const labelSelector = atomic(
  struct({
    matchLabels: mapOf(text),
    matchExpressions: listOf(struct({ ...all(text, 'key!', 'operator!'), values: listOf(text) })),
  }),
);

export const localReference = atomic(struct({ name: text }));

export const objectReference = atomic(
  struct(all(text, 'apiVersion', 'fieldPath', 'kind', 'name', 'namespace', 'resourceVersion', 'uid')),
);

const keyReference = atomic(struct({ ...all(text, 'key!', 'name'), optional: flag }));
const fieldReference = atomic(struct(all(text, 'apiVersion', 'fieldPath!')));
const resourceReference = atomic(struct({ ...all(text, 'containerName', 'resource!'), divisor: quantity }));
const wholeReference = struct({ name: text, optional: flag });

const environment = struct({
  ...all(text, 'name!', 'value'),
  valueFrom: struct({
    configMapKeyRef: keyReference,
    secretKeyRef: keyReference,
    fieldRef: fieldReference,
    resourceFieldRef: resourceReference,
    fileKeyRef: atomic(struct({ ...all(text, 'key!', 'path!', 'volumeName!'), optional: flag })),
  }),
});

export const resources = struct({
  claims: listBy(['name'], struct(all(text, 'name!', 'request'))),
  limits: mapOf(quantity),
  requests: mapOf(quantity),
});

const exec = struct({ command: listOf(text) });
const httpGet = struct({
  ...all(text, 'host', 'path', 'scheme', 'protocol'),
  'port!': scalar,
  httpHeaders: listOf(struct(all(text, 'name!', 'value!'))),
});
const tcpSocket = struct({ host: text, 'port!': scalar });

const probe = struct({
  exec,
  httpGet,
  tcpSocket,
  grpc: struct({ 'port!': number, ...all(text, 'service', 'mode') }),
  ...all(number, 'failureThreshold', 'initialDelaySeconds', 'periodSeconds', 'successThreshold', 'timeoutSeconds'),
  terminationGracePeriodSeconds: number,
});
const hook = struct({ exec, httpGet, tcpSocket, sleep: struct({ 'seconds!': number }) });
const profile = struct(all(text, 'type!', 'localhostProfile'));
const identity = {
  ...all(number, 'runAsGroup', 'runAsUser'),
  runAsNonRoot: flag,
  appArmorProfile: profile,
  seccompProfile: profile,
  seLinuxOptions: struct(all(text, 'level', 'role', 'type', 'user')),
  windowsOptions: any,
};

const container = struct({
  ...all(text, 'name!', 'image', 'imagePullPolicy', 'restartPolicy', 'workingDir'),
  ...all(text, 'terminationMessagePath', 'terminationMessagePolicy', 'targetContainerName'),
  ...all(flag, 'stdin', 'stdinOnce', 'tty'),
  ...all(listOf(text), 'args', 'command'),
  env: listBy(['name'], environment),
  envFrom: listOf(struct({ configMapRef: wholeReference, secretRef: wholeReference, prefix: text })),
  ports: listBy(
    ['containerPort', 'protocol=TCP'],
    struct({ ...all(number, 'containerPort!', 'hostPort'), ...all(text, 'hostIP', 'name', 'protocol') }),
  ),
  lifecycle: struct({ postStart: hook, preStop: hook, stopSignal: text }),
  ...all(probe, 'livenessProbe', 'readinessProbe', 'startupProbe'),
  resources,
  resizePolicy: listOf(struct(all(text, 'resourceName!', 'restartPolicy!'))),
  restartPolicyRules: listOf(any),
  securityContext: struct({
    ...identity,
    ...all(flag, 'allowPrivilegeEscalation', 'privileged', 'readOnlyRootFilesystem'),
    procMount: text,
    capabilities: struct(all(listOf(text), 'add', 'drop')),
  }),
  volumeDevices: listBy(['devicePath'], struct(all(text, 'devicePath!', 'name!'))),
  volumeMounts: listBy(
    ['mountPath'],
    struct({
      ...all(text, 'mountPath!', 'name!', 'mountPropagation', 'recursiveReadOnly', 'subPath', 'subPathExpr'),
      readOnly: flag,
      bindMountOptions: setOf(text),
    }),
  ),
});
const keyToPath = listOf(struct({ ...all(text, 'key!', 'path!'), ...all(number, 'mode', 'user') }));
const downwardItems = listOf(
  struct({
    'path!': text,
    fieldRef: fieldReference,
    resourceFieldRef: resourceReference,
    ...all(number, 'mode', 'user'),
  }),
);
const configMapSource = { name: text, items: keyToPath, optional: flag };

/** Volume sources that are rarely written by hand are not validated. */
const rareVolumes =
  'awsElasticBlockStore azureDisk azureFile cephfs cinder ephemeral fc flexVolume flocker gcePersistentDisk gitRepo ' +
  'glusterfs image iscsi photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume';

const volume = struct({
  'name!': text,
  configMap: struct({ ...configMapSource, ...all(number, 'defaultMode', 'defaultUser') }),
  secret: struct({ secretName: text, items: keyToPath, optional: flag, ...all(number, 'defaultMode', 'defaultUser') }),
  emptyDir: struct({ medium: text, sizeLimit: quantity, mode: number }),
  persistentVolumeClaim: struct({ 'claimName!': text, readOnly: flag }),
  hostPath: struct(all(text, 'path!', 'type')),
  nfs: struct({ ...all(text, 'path!', 'server!'), readOnly: flag }),
  downwardAPI: struct({ items: downwardItems, ...all(number, 'defaultMode', 'defaultUser') }),
  csi: struct({
    ...all(text, 'driver!', 'fsType'),
    readOnly: flag,
    nodePublishSecretRef: localReference,
    volumeAttributes: mapOf(text),
  }),
  projected: struct({
    ...all(number, 'defaultMode', 'defaultUser'),
    sources: listOf(
      struct({
        ...all(struct(configMapSource), 'configMap', 'secret'),
        downwardAPI: struct({ items: downwardItems }),
        serviceAccountToken: struct({ ...all(text, 'audience', 'path!'), ...all(number, 'expirationSeconds', 'user') }),
        ...all(any, 'clusterTrustBundle', 'podCertificate'),
      }),
    ),
  }),
  ...all(any, ...rareVolumes.split(' ')),
});

const affinityTerm = struct({
  ...all(labelSelector, 'labelSelector', 'namespaceSelector'),
  ...all(listOf(text), 'matchLabelKeys', 'mismatchLabelKeys', 'namespaces'),
  'topologyKey!': text,
});
const podAffinity = struct({
  preferredDuringSchedulingIgnoredDuringExecution: listOf(
    struct({ 'weight!': number, 'podAffinityTerm!': affinityTerm }),
  ),
  requiredDuringSchedulingIgnoredDuringExecution: listOf(affinityTerm),
});
const nodeRequirement = listOf(struct({ ...all(text, 'key!', 'operator!'), values: listOf(text) }));
const nodeTerm = atomic(struct({ matchExpressions: nodeRequirement, matchFields: nodeRequirement }));

export const podSpec = struct({
  'containers!': listBy(['name'], container),
  initContainers: listBy(['name'], container),
  ephemeralContainers: listBy(['name'], container),
  volumes: listBy(['name'], volume),
  imagePullSecrets: listBy(['name'], localReference),
  hostAliases: listBy(['ip'], struct({ 'ip!': text, hostnames: listOf(text) })),
  ...all(text, 'dnsPolicy', 'hostname', 'hostnameOverride', 'nodeName', 'preemptionPolicy', 'priorityClassName'),
  ...all(
    text,
    'restartPolicy',
    'runtimeClassName',
    'schedulerName',
    'serviceAccount',
    'serviceAccountName',
    'subdomain',
  ),
  ...all(number, 'activeDeadlineSeconds', 'priority', 'terminationGracePeriodSeconds'),
  ...all(flag, 'automountServiceAccountToken', 'enableServiceLinks', 'hostIPC', 'hostNetwork', 'hostPID', 'hostUsers'),
  ...all(flag, 'setHostnameAsFQDN', 'shareProcessNamespace'),
  nodeSelector: atomic(mapOf(text)),
  overhead: mapOf(quantity),
  os: struct({ 'name!': text }),
  resources,
  readinessGates: listOf(struct({ 'conditionType!': text })),
  schedulingGates: listBy(['name'], struct({ 'name!': text })),
  tolerations: listOf(struct({ ...all(text, 'effect', 'key', 'operator', 'value'), tolerationSeconds: number })),
  topologySpreadConstraints: listBy(
    ['topologyKey', 'whenUnsatisfiable'],
    struct({
      ...all(text, 'topologyKey!', 'whenUnsatisfiable!', 'nodeAffinityPolicy', 'nodeTaintsPolicy'),
      ...all(number, 'maxSkew!', 'minDomains'),
      labelSelector,
      matchLabelKeys: listOf(text),
    }),
  ),
  affinity: struct({
    nodeAffinity: struct({
      preferredDuringSchedulingIgnoredDuringExecution: listOf(struct({ 'weight!': number, 'preference!': nodeTerm })),
      requiredDuringSchedulingIgnoredDuringExecution: atomic(struct({ 'nodeSelectorTerms!': listOf(nodeTerm) })),
    }),
    ...all(podAffinity, 'podAffinity', 'podAntiAffinity'),
  }),
  dnsConfig: struct({
    ...all(listOf(text), 'nameservers', 'searches'),
    options: listOf(struct(all(text, 'name', 'value'))),
  }),
  securityContext: struct({
    ...identity,
    fsGroup: number,
    ...all(text, 'fsGroupChangePolicy', 'seLinuxChangePolicy', 'supplementalGroupsPolicy'),
    supplementalGroups: listOf(number),
    sysctls: listOf(struct(all(text, 'name!', 'value!'))),
  }),
  schedulingGroup: any,
  evictionResponders: listBy(['name'], any),
  resourceClaims: listBy(['name'], open({ 'name!': text })),
});

export const podTemplate = struct({ metadata, spec: podSpec });
