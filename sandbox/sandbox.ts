/** Options of {@link Sandbox}; the defaults behave like a small real cluster. */
export interface SandboxOptions {
  /**
   * How many real milliseconds one second of Kubernetes time takes: probe periods, image start-up, preStop sleeps, grace
   * periods, back-offs. Default 1000. Deadlines of clients and HTTP itself are not scaled.
   */
  readonly secondMs?: number;
  /** Real milliseconds until a Service's listener knows a change of its endpoints, as kube-proxy needs. Default 100. */
  readonly propagationMs?: number;
  /** `real` (default): a nodePort is the same port on 127.0.0.1. `any`: a free port, so that many sandboxes can run at once. */
  readonly nodePorts?: 'real' | 'any';
  /** Called with each API call once its answer is complete: of a watch, once it has ended. */
  readonly onCall?: (call: AnsweredCall) => void;
}

/** One API call, with its times in milliseconds of `performance.now()`. */
export interface AnsweredCall {
  /** As in {@link CallCounts}: `PATCH Deployment (dry run)`. */
  readonly call: string;
  /** '' for a collection, and for requests without an object. */
  readonly name: string;
  readonly arrivedAt: number;
  readonly answeredAt: number;
}

/** Bytes that clients of the API server sent and received since it started, TLS included. */
export interface WireCounts {
  readonly connections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** API calls so far. */
export interface CallCounts {
  readonly total: number;
  /** `PATCH Deployment` → 3. Dry runs count under `PATCH Deployment (dry run)`, watches under `WATCH Deployment`. */
  readonly byVerbAndKind: Readonly<Record<string, number>>;
}

/** A request, as counters, faults and listeners see it. */
export interface SeenCall {
  /** `GET`, `LIST`, `WATCH`, `PROXY`, `PORTFORWARD`, `LOG`; others as their HTTP method. */
  readonly verb: string;
  /** `Deployment`, `Deployment/status`; the path where no kind is asked for. */
  readonly kind: string;
  /** '' for cluster-scoped objects and for all namespaces. */
  readonly namespace: string;
  /** '' for a collection and for a creation. */
  readonly name: string;
  readonly dryRun: boolean;
  /** The User-Agent of the client; '' if it sends none. */
  readonly userAgent: string;
}

/** Which requests a fault hits. Absent members match anything. */
export interface FaultMatch {
  readonly verb?: 'GET' | 'LIST' | 'WATCH' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'PROXY' | 'PORTFORWARD' | 'LOG';
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string | RegExp;
  readonly dryRun?: boolean;
  /** What the body contains: the name of an object that is created stands nowhere else. */
  readonly body?: RegExp;
  /** How many matching requests pass before the first that is hit. Default 0. */
  readonly skip?: number;
  /** Milliseconds for which requests are hit, from the first one that is. Absent: no limit. */
  readonly forMs?: number;
}

/** What a fault does to a request. */
export type Fault =
  | {
      readonly do: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly do: 'reset'; readonly when: 'before' | 'after' } // the connection is cut before or after the work is done; of a watch, after its first events; of a port-forward, once something was sent to the pod
  | { readonly do: 'overtake'; readonly by: (call: SeenCall) => Promise<unknown> } // somebody else's work is done first
  | {
      readonly do: 'delay';
      readonly ms: number;
      /** Whether the work is done first. Hits no watch, log, port-forward and proxied request then. Default false. */
      readonly after?: boolean;
      /** Which moment the `Date` header names with `after`: that of the work, or that of the answer (default). */
      readonly date?: 'work' | 'answer';
    }
  | {
      // The request is held inside the server, as by an admission webhook. Hits no watch, log, port-forward and proxied request.
      readonly do: 'hold';
      /** Whether the request is held before its work is done, with 504 after its timeout, or only its answer. Default `before`. */
      readonly when?: 'before' | 'after';
      /** Called once the request is held; it goes on when the promise resolves. */
      readonly until: (call: SeenCall) => Promise<unknown>;
      /** Before the work: what becomes of it when its client disconnects. Default: `drop`, as a real API server does. */
      readonly withoutClient?: 'drop' | 'carry-out';
    }
  | { readonly do: 'end-watch' } // running watches that match end cleanly; at once, and new ones after their first events
  | { readonly do: 'gone' }; // running watches get an ERROR event with 410; new ones are answered 410 once

/** A running embedded cluster. */
export interface Sandbox {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** A kubeconfig (YAML) with the sandbox's CA and a client certificate. */
  readonly kubeconfig: string;
  readonly calls: {
    read(): CallCounts;
    reset(): void;
    /** Calls the listener for each incoming request, with the faults that hit it. Returns a function that stops it. */
    listen(listener: (call: SeenCall, faults: readonly Fault[]) => void): () => void;
    /**
     * Calls the listener for each request that has ended, with the HTTP status of its answer; 0: the connection was cut
     * without an answer. Returns a function that stops it.
     */
    listenToAnswers(listener: (call: SeenCall, status: number) => void): () => void;
  };
  wire(): WireCounts;
  /** The rights that a user has used: `patch apps/deployments`, `get pods/log`. */
  usedRights(user: string): readonly string[];
  /** Adds a fault for the next `times` matching requests (default: until removed). Returns its removal. */
  fault(match: FaultMatch, fault: Fault, times?: number): () => void;
  /** Real `http://127.0.0.1:PORT` of a NodePort or LoadBalancer Service's first port; undefined until there is one. */
  serviceUrl(namespace: string, name: string): string | undefined;
  /** Ends every server, pod and timer. */
  close(): Promise<void>;
}
