/** The rules of the VM's image, size, Trusted Launch and patching, and what ARM takes for them. */
import { got, validateChoice } from "./values";

/** The default image: Ubuntu 24.04 LTS for x64. */
export const DEFAULT_IMAGE = "Canonical:ubuntu-24_04-lts:server:latest";

/** The default image's twin for Arm. */
const ARM_IMAGE = "Canonical:ubuntu-24_04-lts:server-arm64:latest";

/** The default VM size. */
export const DEFAULT_VM_SIZE = "Standard_B2s_v2";

/** When Azure reboots the VM after it has patched it (`automaticByPlatformSettings.rebootSetting`). */
export const PATCH_REBOOTS = ["IfRequired", "Never", "Always"] as const;

/** One of `PATCH_REBOOTS`. */
export type PatchReboot = (typeof PATCH_REBOOTS)[number];

const URN = /^[\w.-]+:[\w.-]+:[\w.-]+:(latest|\d+(\.\d+){0,3})$/i;
const MANAGED_IMAGE =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Compute\/images\/[^/\s]+$/i;
const GALLERY_IMAGE =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Compute\/galleries\/[^/\s]+\/images\/[^/\s]+(\/versions\/[^/\s]+)?$/i;

/** Validates an image's name. */
export function validateImage(image: string): string[] {
  return URN.test(image) || MANAGED_IMAGE.test(image) || GALLERY_IMAGE.test(image)
    ? []
    : [
        `image must be a URN "publisher:offer:sku:version", such as "${DEFAULT_IMAGE}", or a resource ID, "/subscriptions/…/providers/Microsoft.Compute/images/NAME" or "…/galleries/GALLERY/images/NAME[/versions/VERSION]" ${got(image)}.`,
      ];
}

/** An image as ARM's `imageReference` takes it. */
export type ImageReference = { id: string } | { publisher: string; offer: string; sku: string; version: string };

/** The ARM reference of a valid image. */
export function imageReference(image: string): ImageReference {
  if (image.startsWith("/")) return { id: image };
  const [publisher = "", offer = "", sku = "", version = ""] = image.split(":");
  return { publisher, offer, sku, version };
}

/** The facts in an image's name. */
interface ImageKind {
  architecture: "x64" | "Arm64";
  generation: 1 | 2;
}

/**
 * Reads the name of one of Canonical's images (Canonical, "Find Ubuntu images on Azure"). Arm images have `arm64` in
 * their SKU. In the offers `ubuntu-24_04-lts` and so on, an SKU is Gen1 if it ends with `-gen1`. In the older offers, it is
 * Gen1 unless it has `gen2`, `arm64` or `cvm`. The names of other images tell nothing: undefined.
 */
function imageKind(image: string): ImageKind | undefined {
  const { publisher = "", offer = "", sku = "" } = { ...imageReference(image) } as Record<string, string>;
  if (!/^canonical$/i.test(publisher)) return undefined;
  const isArm = /arm64/i.test(sku);
  const isGen2 = /^ubuntu-\d\d_\d\d/i.test(offer) ? !/gen1$/i.test(sku) : isArm || /gen2|cvm/i.test(sku);
  return { architecture: isArm ? "Arm64" : "x64", generation: isGen2 ? 2 : 1 };
}

/**
 * Validates image and Trusted Launch together. Azure offers Trusted Launch for Gen2 images only, and for no managed image.
 * A host has weaker security only if the user asks for it.
 */
export function validateTrustedLaunch(image: string, trustedLaunch: boolean): string[] {
  if (!trustedLaunch) return [];
  const kind = MANAGED_IMAGE.test(image)
    ? "a managed image"
    : imageKind(image)?.generation === 1
      ? "a Gen1 image"
      : undefined;
  return kind === undefined
    ? []
    : [
        `trustedLaunch must be false with ${kind} (got true with "${image}"). For Trusted Launch, set image to a Gen2 one, such as "${DEFAULT_IMAGE}", or to a gallery's.`,
      ];
}

/**
 * Canonical's images that Azure patches, each "offer:sku" in lower case (Microsoft, "Automatic Guest Patching for Azure
 * Virtual Machines", Supported Linux Images). Microsoft supports platform patching for these combinations only.
 */
const PATCHED_BY_PLATFORM = new Set([
  "ubuntuserver:16.04-lts",
  "ubuntuserver:16.04.0-lts",
  "ubuntuserver:18.04-lts",
  "ubuntuserver:18_04-lts-arm64",
  "ubuntuserver:18_04-lts-gen2",
  "ubuntu-24_04-lts:cvm",
  "ubuntu-24_04-lts:server",
  "ubuntu-24_04-lts:server-arm64",
  "ubuntu-24_04-lts:server-gen1",
  "ubuntu-24_04-lts:ubuntu-pro",
  "ubuntu-24_04-lts:ubuntu-pro-cvm",
  "0001-com-ubuntu-confidential-vm-focal:20_04-lts-cvm",
  "0001-com-ubuntu-confidential-vm-jammy:22_04-lts-cvm",
  "0001-com-ubuntu-pro-bionic:pro-18_04-lts",
  "0001-com-ubuntu-pro-focal:pro-20_04-lts",
  "0001-com-ubuntu-pro-focal:pro-20_04-lts-gen2",
  "0001-com-ubuntu-pro-jammy:pro-22_04-lts-gen2",
  "0001-com-ubuntu-server-focal:20_04-lts",
  "0001-com-ubuntu-server-focal:20_04-lts-arm64",
  "0001-com-ubuntu-server-focal:20_04-lts-gen2",
  "0001-com-ubuntu-server-jammy:22_04-lts",
  "0001-com-ubuntu-server-jammy:22_04-lts-arm64",
  "0001-com-ubuntu-server-jammy:22_04-lts-gen2",
]);

/** The one that patches the VM: Azure if it supports the image, else the image itself. */
export function patchMode(image: string): "AutomaticByPlatform" | "ImageDefault" {
  const [publisher, offer = "", sku = ""] = image.toLowerCase().split(":");
  return publisher === "canonical" && PATCHED_BY_PLATFORM.has(`${offer}:${sku}`)
    ? "AutomaticByPlatform"
    : "ImageDefault";
}

/** How a VM is patched, as ARM's `patchSettings` takes it. */
export interface PatchSettings {
  patchMode: "AutomaticByPlatform" | "ImageDefault";
  assessmentMode: "AutomaticByPlatform" | "ImageDefault";
  automaticByPlatformSettings?: { rebootSetting: PatchReboot };
}

/** ARM's patch settings for a valid image and reboot setting. Only the platform's patches have a reboot setting. */
export function patchSettings(image: string, patchReboot: PatchReboot): PatchSettings {
  const mode = patchMode(image);
  return {
    patchMode: mode,
    assessmentMode: mode,
    ...(mode === "AutomaticByPlatform" && {
      automaticByPlatformSettings: { rebootSetting: patchReboot },
    }),
  };
}

/** Validates when Azure reboots the VM. */
export function validatePatchReboot(patchReboot: unknown): string[] {
  return validateChoice("patchReboot", patchReboot, PATCH_REBOOTS);
}

/**
 * Validates reboot setting and image together. With an image that Azure doesn't patch, another value than the default has no
 * effect, and "Never" would promise something that the image decides.
 */
export function validatePatchedImage(patchReboot: PatchReboot, image: string): string[] {
  return patchReboot !== "IfRequired" && patchMode(image) !== "AutomaticByPlatform"
    ? [`patchReboot must be left out with an image that Azure doesn't patch (got "${patchReboot}" with "${image}").`]
    : [];
}

/** Validates a size's name. */
export function validateVmSize(size: string): string[] {
  return /^(Standard|Basic)_[A-Za-z]+\d+[A-Za-z0-9_-]*$/.test(size)
    ? []
    : [
        `vmSize must be one of Azure's sizes, such as "${DEFAULT_VM_SIZE}" ${got(size)}. To list them: az vm list-sizes --location REGION`,
      ];
}

/** Whether a size has an Arm processor: the feature letter "p" (Microsoft, "Azure VM sizes naming conventions"). */
export function isArmSize(size: string): boolean {
  return /^Standard_[A-Z]+\d+(-\d+)?[a-z]*p/i.test(size);
}

const X64_REMEDY = "or installer to CustomScript: Azure's DockerExtension doesn't run on Arm";

/** Validates size and installer together. Azure's DockerExtension is built for amd64 only. */
export function validateSizeOfInstaller(size: string, installer: string): string[] {
  return installer === "DockerExtension" && isArmSize(size)
    ? [`vmSize must be an x64 size ${got(size)}. Set vmSize to one, ${X64_REMEDY}.`]
    : [];
}

/** Validates image and installer together. */
export function validateImageOfInstaller(image: string, installer: string): string[] {
  return installer === "DockerExtension" && /^[^/]*arm64/i.test(image)
    ? [`image must be an x64 image ${got(image)}. Set image to one, ${X64_REMEDY}.`]
    : [];
}

/** Validates image and size together. An image runs on its own processor's sizes only. */
export function validateArchitecture(image: string, size: string): string[] {
  const isArm = isArmSize(size);
  const architecture = imageKind(image)?.architecture;
  if (architecture === undefined || (architecture === "Arm64") === isArm) return [];
  return isArm
    ? [
        `image must be an Arm image for the Arm size "${size}" (got "${image}"). Set image to one such as "${ARM_IMAGE}", or vmSize to an x64 size.`,
      ]
    : [
        `vmSize must be an Arm size for the Arm image "${image}" (got "${size}"). Set vmSize to one such as "Standard_D2ps_v6", or image to an x64 one.`,
      ];
}
