/** Creates the Azure extensions that put Docker on the VM and open its port with TLS. */
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import { type CompleteArgs, mapInput } from "../completeArgs";
import { placementOf } from "../network";
import type { HostCertificates } from "../rules/pem";
import { SettingsError } from "../settingsError";
import { CUSTOM_SCRIPT, PREPARATION, scriptProtectedSettings } from "./customScript";
import { DOCKER_EXTENSION, extensionProtectedSettings, extensionSettings } from "./dockerExtension";
import type { Extension } from "./extensionKind";

/** The VM, and the certificates of its daemon. */
export interface Target {
  virtualMachine: compute.VirtualMachine;
  certificates: { [Part in keyof HostCertificates]: pulumi.Input<string> };
}

type Given = Pick<compute.VirtualMachineExtensionArgs, "vmExtensionName"> &
  Partial<compute.VirtualMachineExtensionArgs>;

/**
 * Creates the installer's extensions, and gives the one that is done last.
 *
 * A VM takes one extension of a type, and the engine deletes a resource that left the program only at the end of an update. So
 * the one extension of the type CustomScript is always `-prepare`. With the installer CustomScript it is the whole installer.
 * With the DockerExtension, which is `-docker`, it goes before it. Its name in Azure differs, so another installer replaces it:
 * the former script goes before the next one comes, and the DockerExtension goes before both.
 *
 * When the VM goes, the extensions need no deletion of their own. The DockerExtension's uninstall would purge a package of
 * another name.
 */
export function createInstaller(
  name: string,
  args: CompleteArgs,
  target: Target,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  return args.installer === "CustomScript"
    ? createCustomScript(name, args, target, opts)
    : createDockerExtension(name, args, target, opts);
}

function createCustomScript(
  name: string,
  args: CompleteArgs,
  target: Target,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  const { dockerPort, dockerVersion, allowContainerIdentity, daemonOptions, adminUsername } = args;
  const daemon = pulumi.output({
    dockerPort,
    dockerVersion,
    allowContainerIdentity,
    daemonOptions,
    adminUsername,
    certificates: target.certificates,
  });
  // Until 0.1, a host had this extension under the other name.
  const formerName = { aliases: [{ name: `${name}-docker` }] };
  return createExtension(
    `${name}-prepare`,
    CUSTOM_SCRIPT,
    args,
    target,
    {
      vmExtensionName: "CustomScript",
      settings: {},
      protectedSettings: pulumi.secret(daemon.apply(scriptProtectedSettings)),
      forceUpdateTag: args.forceUpdateTag,
    },
    pulumi.mergeOptions(secretly(opts), formerName),
  );
}

function createDockerExtension(
  name: string,
  args: CompleteArgs,
  target: Target,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  const { dockerVersion, allowContainerIdentity } = args;
  const packages = { dockerVersion, allowContainerIdentity };
  const prepare = createExtension(
    `${name}-prepare`,
    PREPARATION,
    args,
    target,
    {
      vmExtensionName: "prepare",
      settings: mapInput(packages, (known) => PREPARATION.settings(known)),
      forceUpdateTag: args.forceUpdateTag,
    },
    opts,
  );
  const certificates = pulumi.output(target.certificates);
  // Without the server's key, so that the public settings are no secret.
  const { trustPem, certPem } = target.certificates;
  const daemon = { dockerPort: args.dockerPort, daemonOptions: publicOptions(args.daemonOptions), trustPem, certPem };
  return createExtension(
    `${name}-docker`,
    DOCKER_EXTENSION,
    args,
    target,
    {
      vmExtensionName: "DockerExtension",
      settings: pulumi.output(daemon).apply(extensionSettings),
      protectedSettings: pulumi.secret(certificates.apply(extensionProtectedSettings)),
      // It is replaced with `prepare`, and so goes before it, also when it has left the program: the engine asks for the
      // properties that depend on `prepare`. A URN is known in every preview.
      vmName: pulumi.all([target.virtualMachine.name, prepare.urn]).apply(([vmName]) => vmName),
      forceUpdateTag: updateTag(args),
    },
    pulumi.mergeOptions(secretly(opts), { dependsOn: prepare }),
  );
}

/** The daemon's options, which the DockerExtension takes in public settings. Azure shows them to everyone who may read the VM. */
function publicOptions(options: CompleteArgs["daemonOptions"]): CompleteArgs["daemonOptions"] {
  if (!pulumi.Output.isInstance(options)) return options;
  return pulumi.all([options, pulumi.isSecret(options)]).apply(([known, isSecret]) => {
    if (isSecret) throw new SettingsError([SECRET_OPTIONS]);
    return known;
  });
}

/** The problem of secret options with the DockerExtension. */
export const SECRET_OPTIONS =
  "daemonOptions must not be a secret with the DockerExtension, which takes them in public settings. Set installer to CustomScript.";

/** Another version of the package brings its own unit file, which the DockerExtension must edit again. */
function updateTag({ forceUpdateTag, dockerVersion }: CompleteArgs): pulumi.Input<string> | undefined {
  if (dockerVersion === undefined) return forceUpdateTag;
  return mapInput({ forceUpdateTag, dockerVersion }, (known) =>
    [...(known.forceUpdateTag === undefined ? [] : [known.forceUpdateTag]), `docker.io=${known.dockerVersion}`].join(
      ",",
    ),
  );
}

function secretly(opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
  return { ...opts, additionalSecretOutputs: ["protectedSettings"] };
}

function createExtension(
  name: string,
  { publisher, type, typeHandlerVersion, replaceOnChanges }: Extension,
  args: CompleteArgs,
  { virtualMachine }: Target,
  given: Given,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  return new compute.VirtualMachineExtension(
    name,
    {
      ...placementOf(args),
      vmName: virtualMachine.name,
      publisher,
      type,
      typeHandlerVersion,
      autoUpgradeMinorVersion: true,
      ...given,
    },
    pulumi.mergeOptions(opts, { deletedWith: virtualMachine, replaceOnChanges }),
  );
}
