import { asText, isObject, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { labelsOfJob } from '../schema/defaults.js';
import type { Kind } from '../schema/kinds.js';
import { selects } from '../store/selectors.js';
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue, type FieldError } from '../http/status.js';
import { labelErrors } from './metadata.js';
import { notNegative, oneOf } from './values.js';

const percentRule =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

function selectorErrors(kind: Kind, spec: JsonObject): FieldError[] {
  const { selector } = spec;
  const labels = objectAt(spec, 'template', 'metadata').labels;
  if (isObject(selector)) {
    const wrong = labelErrors(objectAt(selector, 'matchLabels'), 'spec.selector.matchLabels');
    if (wrong.length > 0) return [...wrong, invalidValue('spec.selector', selector, 'invalid label selector')];
    if (Object.keys(selector).length === 0) {
      return [invalidValue('spec.selector', {}, `empty selector is invalid for ${kind.kind.toLowerCase()}`)];
    }
    if (selects(selector, objectAt(labels))) return [];
  }
  return [notSelected(labels ?? null)];
}

const notSelected = (labels: JsonValue): FieldError =>
  invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');

/** Deployments, ReplicaSets, StatefulSets and DaemonSets. */
export function workloadErrors(object: JsonObject, kind: Kind): FieldError[] {
  const spec = objectAt(object, 'spec');
  const errors = [...notNegative(spec, 'spec', ['replicas', 'minReadySeconds']), ...selectorErrors(kind, spec)];
  if (!isObject(objectAt(spec, 'template').spec)) errors.push(requiredValue('spec.template.spec.containers'));
  return [
    ...errors,
    ...strategyErrors(objectAt(spec, 'strategy')),
    ...(kind.kind === 'StatefulSet' ? updateStrategyErrors(objectAt(spec, 'updateStrategy')) : []),
    ...deadlineErrors(spec),
  ];
}

/** The pods of a workload are always restarted; reported after the errors of the pods themselves. */
export function restartErrors(object: JsonObject): FieldError[] {
  const policy = objectAt(object, 'spec', 'template', 'spec').restartPolicy;
  return oneOf('spec.template.spec.restartPolicy', policy, ['Always']);
}

function deadlineErrors(spec: JsonObject): FieldError[] {
  const { progressDeadlineSeconds: deadline, minReadySeconds: least } = spec;
  if (typeof deadline !== 'number' || deadline > (typeof least === 'number' ? least : 0)) return [];
  return [invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')];
}

function strategyErrors(strategy: JsonObject): FieldError[] {
  const { type = 'RollingUpdate', rollingUpdate } = strategy;
  const field = 'spec.strategy.rollingUpdate';
  if (type !== 'RollingUpdate' && type !== 'Recreate') {
    const shown = { Type: type, RollingUpdate: rollingUpdate ?? null };
    return [unsupportedValue('spec.strategy', shown, ['Recreate', 'RollingUpdate'])];
  }
  if (type === 'Recreate') {
    if (!isObject(rollingUpdate)) return [];
    return [forbiddenValue(field, "may not be specified when strategy `type` is 'Recreate'")];
  }
  const { maxSurge, maxUnavailable } = objectAt(strategy, 'rollingUpdate');
  const errors = [
    ...shareErrors(`${field}.maxUnavailable`, maxUnavailable),
    ...shareErrors(`${field}.maxSurge`, maxSurge),
  ];
  const pods = (value: JsonValue | undefined): number => Number.parseInt(asText(value ?? 0), 10) || 0;
  if (maxUnavailable !== undefined && pods(maxUnavailable) === 0 && pods(maxSurge) === 0) {
    errors.push(invalidValue(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  } else if (typeof maxUnavailable === 'string' && pods(maxUnavailable) > 100) {
    errors.push(invalidValue(`${field}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'));
  }
  return errors;
}

/** A number of pods, or a percentage of them. */
function shareErrors(field: string, share: JsonValue | undefined): FieldError[] {
  if (typeof share === 'string') return /^[0-9]+%$/.test(share) ? [] : [invalidValue(field, share, percentRule)];
  if (typeof share !== 'number' || share >= 0) return [];
  return [invalidValue(field, share, 'must be greater than or equal to 0')];
}

function updateStrategyErrors({ type = 'RollingUpdate', rollingUpdate }: JsonObject): FieldError[] {
  if (type !== 'OnDelete' || !isObject(rollingUpdate)) return [];
  const { partition = 0, maxUnavailable = null } = rollingUpdate;
  const shown = { Partition: partition, MaxUnavailable: maxUnavailable };
  const why = "only allowed for updateStrategy 'RollingUpdate'";
  return [invalidValue('spec.updateStrategy.rollingUpdate', shown, why)];
}

const jobNumbers = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'];

/** The selector and the labels of the pods that the API server generates for a Job; another Job's are refused. */
function generatedErrors(job: JsonObject): FieldError[] {
  const spec = objectAt(job, 'spec');
  if (spec.manualSelector === true) return [];
  const own = labelsOfJob(job);
  const labels = objectAt(spec, 'template', 'metadata', 'labels');
  const errors = ['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name']
    .filter(name => labels[name] !== own[name])
    .map(name => {
      const field = `spec.template.metadata.labels[${name}]`;
      const why = `must be '${own[name] ?? ''}'`;
      return labels[name] === undefined ? requiredValue(field, why) : invalidValue(field, labels, why);
    });
  const selector = objectAt(spec, 'selector');
  if (selects(selector, own)) return errors;
  return [...errors, invalidValue('spec.selector', selector, '`selector` not auto-generated')];
}

export function jobErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const errors = [...generatedErrors(object), ...notNegative(spec, 'spec', jobNumbers)];
  const policy = objectAt(spec, 'template', 'spec').restartPolicy;
  if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(requiredValue('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"'));
  }
  const labels = objectAt(spec, 'template', 'metadata', 'labels');
  return selects(objectAt(spec, 'selector'), labels) ? errors : [...errors, notSelected(labels)];
}

export function cronJobErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const schedule = textAt(spec, 'schedule') ?? '';
  const fields = schedule.split(/\s+/);
  const errors: FieldError[] = [];
  if (schedule !== '' && !schedule.startsWith('@') && fields.length !== 5) {
    const why = `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
    errors.push(invalidValue('spec.schedule', schedule, why));
  }
  return [...errors, ...oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'])];
}

export function autoscalerErrors(object: JsonObject): FieldError[] {
  const { minReplicas, maxReplicas } = objectAt(object, 'spec');
  if (typeof maxReplicas !== 'number') return [];
  const errors: FieldError[] = [];
  if (typeof minReplicas === 'number' && maxReplicas < minReplicas) {
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  if (maxReplicas === 0) errors.push(requiredValue('spec.maxReplicas'));
  return errors;
}

export function budgetErrors(object: JsonObject): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = objectAt(object, 'spec');
  if (minAvailable === undefined || maxUnavailable === undefined) return [];
  const shown = {
    MinAvailable: minAvailable,
    Selector: selector ?? null,
    MaxUnavailable: maxUnavailable,
    UnhealthyPodEvictionPolicy: unhealthyPodEvictionPolicy ?? null,
  };
  return [invalidValue('spec', shown, 'minAvailable and maxUnavailable cannot be both set')];
}

export function ingressErrors(object: JsonObject): FieldError[] {
  return objectsAt(object, 'spec', 'rules').flatMap((rule, index) =>
    objectsAt(rule, 'http', 'paths').flatMap((one, at): FieldError[] => {
      const field = `spec.rules[${index}].http.paths[${at}]`;
      const { path = '', pathType } = one;
      if (pathType === undefined) return [requiredValue(`${field}.pathType`, 'pathType must be specified')];
      if (pathType === 'ImplementationSpecific' || asText(path).startsWith('/')) return [];
      return [invalidValue(`${field}.path`, path, 'must be an absolute path')];
    }),
  );
}
