/** What `docker-host drift` finds. */

/** One property that is another than the last `up` left it; a side that there isn't is absent. */
export interface ChangedProperty {
  /** Such as "securityRules[0].sourceAddressPrefix". */
  path: string;
  /** What the last `up` put; "[secret]" for a secret. */
  old?: unknown;
  /** What Azure has now; "[secret]" for a secret. */
  new?: unknown;
}

/** A resource of the stack. */
export interface ResourceName {
  /** Its name in the program, such as "docker-host-nsg". */
  name: string;
  /** Its type's last part, such as "NetworkSecurityGroup". */
  type: string;
  /** Its ID in Azure. */
  id: string;
}

/** A resource that is gone. */
export interface MissingResource extends ResourceName {
  /** The name of the resource group that is gone too, and took it along. */
  goneWith?: string;
  /** What to do. */
  remedy: string;
}

/** A resource whose properties are others. */
export interface ChangedResource extends ResourceName {
  properties: ChangedProperty[];
  /** Whether `pulumi up --refresh` makes it anew, instead of changing it back: of a machine, the disk goes with it. */
  replaced: boolean;
  /** What to do. */
  remedy: string;
}

/** A certificate that has expired, ends soon, or is due for renewal. */
export interface EndingCertificate {
  /** Whose it is: its resource's name, or the output or setting that it stands in, such as "clientCaCerts[0]". */
  name: string;
  /** Its subject's common name. */
  subject: string;
  /** Its last moment, as ISO 8601. */
  notAfter: string;
  /** Whole days until then; below 0 once it has expired. */
  daysLeft: number;
  /** Whether the next `pulumi up` renews it. */
  due: boolean;
  /** What to do. */
  remedy: string;
}

/** An operation that has begun, and of whose end the state knows nothing. */
export interface PendingOperation {
  /** Its resource's name in the program. */
  name: string;
  /** What was being done: "creating", "updating", "deleting"… */
  operation: string;
  /** What to do. */
  remedy: string;
}

/** What `docker-host drift --json` prints. */
export interface Drift {
  /** Whether there is nothing to tell: the lists below are empty. */
  ok: boolean;
  /** The stack's name, such as "dev". */
  stack: string;
  /** How many resources were looked at. */
  resources: number;
  /** Those that are gone, a resource group before what was in it. */
  missing: MissingResource[];
  changed: ChangedResource[];
  /** How many certificates were looked at. */
  looked: number;
  /** The end of the first to end; absent if there is none. */
  nextEnd?: { name: string; notAfter: string; daysLeft: number };
  certificates: EndingCertificate[];
  pending: PendingOperation[];
}
