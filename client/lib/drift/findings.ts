/** The findings of `docker-host drift`. */

/** A property that changed since the last `up`. A property that was added has no `old`, and one that was removed has no `new`. */
export interface ChangedProperty {
  /** Such as "securityRules[0].sourceAddressPrefix". */
  path: string;
  /** Its value after the last `up`, or "[secret]". */
  old?: unknown;
  /** Its value in Azure now, or "[secret]". */
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
  /** The name of its resource group, if that is gone too. */
  goneWith?: string;
  /** What to do. */
  remedy: string;
}

/** A resource whose properties changed. */
export interface ChangedResource extends ResourceName {
  properties: ChangedProperty[];
  /** Whether `pulumi up --refresh` replaces it, because Azure can't change it back. A VM's disk goes with it. */
  replaced: boolean;
  /** What to do. */
  remedy: string;
}

/** A certificate that has expired, ends soon, or is due for renewal. */
export interface EndingCertificate {
  /** The name of its resource, or the output or setting that holds it, such as "clientCaCerts[0]". */
  name: string;
  /** Its subject's common name. */
  subject: string;
  /** Its last moment, as ISO 8601. */
  notAfter: string;
  /** Whole days until then, below 0 once it has expired. */
  daysLeft: number;
  /** Whether the next `pulumi up` renews it. */
  due: boolean;
  /** What to do. */
  remedy: string;
}

/** An operation that the state shows as begun, but not as ended. */
export interface PendingOperation {
  /** Its resource's name in the program. */
  name: string;
  /** "creating", "updating", "deleting" or another. */
  operation: string;
  /** What to do. */
  remedy: string;
}

/** The result, as `docker-host drift --json` prints it. */
export interface Drift {
  /** Whether there is no finding: the lists below are empty. */
  ok: boolean;
  /** The stack's name, such as "dev". */
  stack: string;
  /** The number of resources that it looked at. */
  resources: number;
  /** The resources that are gone, a resource group before its resources. */
  missing: MissingResource[];
  changed: ChangedResource[];
  /** The number of certificates that it looked at. */
  looked: number;
  /** The certificate that ends first. Absent if there is none. */
  nextEnd?: { name: string; notAfter: string; daysLeft: number };
  certificates: EndingCertificate[];
  pending: PendingOperation[];
}
