/** The images, sizes and extensions of the loopback Azure, and which sizes can boot which images. */
import { ArmError } from "./armError";
import { type Body, textAt } from "./body";
import { SUBSCRIPTION_ID } from "./resourceTypes";

/** The regions that it has. */
export const LOCATIONS = ["westeurope", "northeurope", "eastus", "westus"];

type Architecture = "x64" | "Arm64";
type Generation = "V1" | "V2";

interface Offer {
  /** One version stands for all. */
  version: string;
  skus: string[];
}

/** Some offers of Canonical. Their versions come from Azure's answers, except the one of 20.04. */
const OFFERS: Record<string, Offer> = {
  "ubuntu-24_04-lts": {
    version: "24.04.202510010",
    skus: ["server", "server-gen1", "server-arm64", "minimal", "minimal-gen1", "minimal-arm64"],
  },
  "0001-com-ubuntu-server-jammy": {
    version: "22.04.202309190",
    skus: ["22_04-lts", "22_04-lts-gen2", "22_04-lts-arm64"],
  },
  "0001-com-ubuntu-server-focal": {
    version: "20.04.202505200",
    skus: ["20_04-lts", "20_04-lts-gen2", "20_04-lts-arm64"],
  },
  UbuntuServer: { version: "18.04.202401161", skus: ["18.04-LTS", "18_04-lts-gen2", "18_04-lts-arm64"] },
};

/** Extensions that a host can have; the versions are examples. */
const EXTENSIONS: Record<string, Record<string, string[]>> = {
  "Microsoft.Azure.Extensions": { CustomScript: ["2.1.10", "2.1.13"], DockerExtension: ["1.2.2"] },
  "Microsoft.OSTCExtensions": { VMAccessForLinux: ["1.5.21"] },
  "Microsoft.Azure.ActiveDirectory": { AADSSHLoginForLinux: ["1.0.2888.1"] },
};

/** Sizes for `az vm list-skus`. The endpoint also takes every other size of Azure's form. */
const SIZES: [name: string, cores: number, memoryGiB: number][] = [
  ["Standard_B2s", 2, 4],
  ["Standard_B2s_v2", 2, 8],
  ["Standard_B2pts_v2", 2, 1],
  ["Standard_D2s_v5", 2, 8],
  ["Standard_D4s_v5", 4, 16],
  ["Standard_D2ps_v5", 2, 8],
  ["Standard_D2ps_v6", 2, 8],
  ["Standard_D2s_v6", 2, 8],
];

function offerNamed(name: string | undefined): Offer | undefined {
  return Object.entries(OFFERS).find(([offer]) => offer.toLowerCase() === name?.toLowerCase())?.[1];
}

/** By the names of Canonical's SKUs: those of 24.04 are of generation 2 unless they say otherwise, older ones of 1. */
function imageTraits(offer: string, sku: string): { architecture: Architecture; generation: Generation } {
  const architecture = /arm64/i.test(sku) ? "Arm64" : "x64";
  const isSecond = architecture === "Arm64" || /gen2/i.test(sku) || (/24_04/.test(offer) && !/gen1/i.test(sku));
  return { architecture, generation: isSecond ? "V2" : "V1" };
}

interface SizeTraits {
  architecture: Architecture;
  generations: Generation[];
  premium: boolean;
  trustedLaunch: boolean;
}

/**
 * By Azure's naming convention: family, cores, features (p is Arm, s is premium storage), version. Generations and
 * Trusted Launch from azure-compute-docs, generation-2.md and trusted-launch.md, and from the refusals in
 * loft-sh/devpod 731 (A100), ga4gh-tes 43 (D1_v2), kubermatic 13184 (Arm) and mapt 489 (v6).
 */
export function sizeTraits(size: string): SizeTraits | undefined {
  const parts =
    /^(?:Standard|Basic)_([A-Z]+?)(S?)(\d+)(?:-\d+)?([a-z]*)((?:_[A-Z0-9]+)*?)(?:_v(\d+))?(?:_Promo)?$/i.exec(size);
  if (!parts) return undefined;
  const [, family = "", oldPremium = "", , features = "", accelerator = "", version = "1"] = parts;
  const [is, number] = [(pattern: RegExp) => pattern.test(family), Number(version)];
  const premium = oldPremium !== "" || /s/i.test(features);
  const architecture = /p/i.test(features) && !is(/^N/i) ? "Arm64" : "x64";
  const onlyFirst = is(/^A$/i) || (is(/^[DEF]$/i) && number <= 3 && !premium) || (is(/^N[CV]$/i) && number === 1);
  const onlySecond =
    architecture === "Arm64" ||
    number >= 6 ||
    is(/^[DE]C$/i) ||
    (is(/^M$/i) && number >= 2) ||
    /A100|H100/i.test(accelerator);
  const generations: Generation[] = onlyFirst ? ["V1"] : onlySecond ? ["V2"] : ["V1", "V2"];
  const trustedLaunch = !onlyFirst && !(architecture === "Arm64" && number < 6) && !is(/^([DE]C|M|NP)$/i);
  return { architecture, generations, premium, trustedLaunch };
}

/** Whether a disk is premium where nothing was asked. */
export function takesPremiumDisks(size: string): boolean {
  return sizeTraits(size)?.premium === true;
}

/** The version that "latest" stands for; undefined for images that are not known here. */
export function exactVersion(reference: Body): string | undefined {
  const version = textAt(reference, "version");
  return version === "latest" ? offerNamed(textAt(reference, "offer"))?.version : version;
}

/**
 * Throws if a VM's size can't boot its image. Unknown images, such as the user's own, are taken.
 *
 * @throws ArmError with Azure's code and text.
 */
export function refuseImageAndSize(body: Body): void {
  const bad = (code: string, text: string, target?: string): never => {
    throw new ArmError(400, code, text, false, undefined, target);
  };
  const size = textAt(body, "hardwareProfile.vmSize") ?? "";
  const traits = sizeTraits(size);
  if (!traits) {
    // ContainerSolutions/terraform-examples 62.
    return bad(
      "InvalidParameter",
      `The value ${size} provided for the VM size is not valid. The valid sizes in the current region are: ${SIZES.map(([name]) => name).join(",")}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.`,
      "vmSize",
    );
  }
  const trusted = textAt(body, "securityProfile.securityType") === "TrustedLaunch";
  const reference = "storageProfile.imageReference";
  const [publisher, offer, sku, version] = ["publisher", "offer", "sku", "version"].map((part) =>
    textAt(body, `${reference}.${part}`),
  );
  const known = publisher?.toLowerCase() === "canonical" ? offerNamed(offer) : undefined;
  if (known && offer !== undefined && sku !== undefined) {
    if (!known.skus.some((each) => each.toLowerCase() === sku.toLowerCase())) {
      // hashicorp/packer 10600.
      throw new ArmError(
        404,
        "PlatformImageNotFound",
        `The platform image '${[publisher, offer, sku, version].join(":")}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile`,
        false,
        undefined,
        "imageReference",
      );
    }
    const { architecture, generation } = imageTraits(offer, sku);
    if (architecture !== traits.architecture) {
      bad(
        "BadRequest",
        `Cannot create a VM of size '${size}' because this VM size only supports a CPU Architecture of '${traits.architecture}', but an image or disk with CPU Architecture '${architecture}' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.`,
      );
    }
    if (!traits.generations.includes(generation)) {
      // redhat-developer/mapt 489, through azure-native.
      const number = generation.slice(1);
      bad(
        "BadRequest",
        `The selected VM size '${size}' cannot boot Hypervisor Generation '${number}'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. If this was an Update operation please select a Hypervisor Generation '${number}' VM Size. For more information, see https://aka.ms/azuregen2vm`,
      );
    }
    if (trusted && generation === "V1") {
      // azure-cli 27975.
      bad(
        "BadRequest",
        "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ.",
      );
    }
  }
  if (trusted && !traits.trustedLaunch) {
    // azure-cli 28005.
    bad(
      "BadRequest",
      `The VM size '${size}' is not supported for creation of VMs and Virtual Machine Scale Set with 'TrustedLaunch' security type. For more information, see https://aka.ms/TrustedLaunch-FAQ`,
    );
  }
}

/**
 * The answer to a read below `…/providers/Microsoft.Compute/`, such as
 * `locations/L/publishers/P/artifacttypes/vmextension/types/T/versions`; undefined for any other. Images aren't listed.
 */
export function computeCatalogue(path: string): unknown {
  if (/^skus$/i.test(path)) return { value: SIZES.map(skuAnswer) };
  const parts =
    /^locations\/([^/]+)\/publishers(?:\/([^/]+)\/artifacttypes\/vmextension\/types(?:\/([^/]+)\/versions)?)?$/i;
  const [found, location = "", publisher, type] = parts.exec(path) ?? [];
  if (found === undefined) return undefined;
  if (publisher === undefined) return Object.keys(EXTENSIONS).map((name) => ({ location, name }));
  const types = Object.entries(EXTENSIONS).find(([name]) => name.toLowerCase() === publisher.toLowerCase())?.[1];
  const names = type === undefined ? types && Object.keys(types) : types?.[type];
  return names?.map((name) => ({ location, name, id: `/Subscriptions/${SUBSCRIPTION_ID}/${path}/${name}` }));
}

function skuAnswer([name, cores, memoryGiB]: (typeof SIZES)[number]): Body {
  const traits = sizeTraits(name);
  const capabilities = {
    vCPUs: String(cores),
    MemoryGB: String(memoryGiB),
    HyperVGenerations: traits?.generations.join(","),
    CpuArchitectureType: traits?.architecture,
    PremiumIO: traits?.premium === true ? "True" : "False",
    TrustedLaunchDisabled: traits?.trustedLaunch === true ? undefined : "True",
  };
  return {
    resourceType: "virtualMachines",
    name,
    tier: "Standard",
    size: name.replace(/^Standard_/, ""),
    // `az vm list-skus --location` shows only what names the region here.
    locations: LOCATIONS,
    locationInfo: LOCATIONS.map((location) => ({ location, zones: [], zoneDetails: [] })),
    capabilities: Object.entries(capabilities).flatMap(([key, value]) =>
      value === undefined ? [] : [{ name: key, value }],
    ),
    restrictions: [],
  };
}
