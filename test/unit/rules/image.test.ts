/** The rules of image, size, Trusted Launch and patching: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  DEFAULT_IMAGE,
  DEFAULT_VM_SIZE,
  type PatchReboot,
  imageReference,
  isArmSize,
  patchMode,
  patchSettings,
  validateArchitecture,
  validateImage,
  validateImageOfInstaller,
  validatePatchReboot,
  validatePatchedImage,
  validateSizeOfInstaller,
  validateTrustedLaunch,
  validateVmSize,
} from "../../../components/rules/image";
import { table } from "../../support/rules";

suite("image and size", () => {
  const COMPUTE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
  const managed = `${COMPUTE}/images/docker`;
  const gallery = `${COMPUTE}/galleries/team/images/docker`;
  const urns = [
    DEFAULT_IMAGE,
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
    "a:b:c:1",
    "a:b:c:1.2.3",
    "a:b:c:22.04.202401010",
    "a.b:c_d:e-f:latest",
  ];
  table(
    "an image is a URN or an image's resource ID",
    validateImage,
    [...urns, managed, managed.toUpperCase(), gallery, `${gallery}/versions/1.0.0`, `${gallery}/versions/latest`],
    [
      "",
      "ubuntu",
      "a:b:c",
      "a:b:c:d",
      "a:b:c:newest",
      "a:b:c:1.2.3.4.5",
      "a:b:c:latest:e",
      "a::c:latest",
      " a:b:c:latest",
      "a:b:c:latest\n",
      "a b:b:c:latest",
      "https://example.com/image.vhd",
      `${COMPUTE}/disks/d`,
      `${COMPUTE}/images/`,
      `${managed}/`,
      `${managed}\n`,
      `${COMPUTE}/images/my image`,
      `${gallery}/versions/`,
      `${gallery}/versions/1.0.0\n`,
      `x${managed}`,
      "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/images/i",
    ],
    (value) =>
      `image must be a URN "publisher:offer:sku:version", such as "Canonical:ubuntu-24_04-lts:server:latest", or a resource ID, "/subscriptions/…/providers/Microsoft.Compute/images/NAME" or "…/galleries/GALLERY/images/NAME[/versions/VERSION]" (got ${JSON.stringify(value)}).`,
  );
  test("its reference, and who patches it", () => {
    assert.deepEqual(imageReference(DEFAULT_IMAGE), {
      publisher: "Canonical",
      offer: "ubuntu-24_04-lts",
      sku: "server",
      version: "latest",
    });
    assert.deepEqual(imageReference(gallery), { id: gallery });
    for (const image of [
      DEFAULT_IMAGE,
      "canonical:UBUNTU-24_04-LTS:Server:24.04.202511010",
      "Canonical:ubuntu-24_04-lts:server-arm64:latest",
      "Canonical:ubuntu-24_04-lts:ubuntu-pro:latest",
      "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
      "Canonical:0001-com-ubuntu-pro-jammy:pro-22_04-lts-gen2:latest",
    ]) {
      assert.equal(patchMode(image), "AutomaticByPlatform", image);
    }
    for (const image of [
      "Canonical:ubuntu-24_04-lts:minimal:latest",
      "Canonical:ubuntu-22_04-lts:server:latest",
      "Canonical:ubuntu-25_10:server:latest",
      "Canonical:0001-com-ubuntu-server-jammy-daily:22_04-daily-lts-gen2:latest",
      "Debian:debian-12:12:latest",
      "NotCanonical:ubuntu-24_04-lts:server:latest",
      managed,
      gallery,
    ]) {
      assert.equal(patchMode(image), "ImageDefault", image);
    }
  });
  test("the patch settings: only platform patching has a reboot setting", () => {
    assert.deepEqual(patchSettings(DEFAULT_IMAGE, "Never"), {
      patchMode: "AutomaticByPlatform",
      assessmentMode: "AutomaticByPlatform",
      automaticByPlatformSettings: { rebootSetting: "Never" },
    });
    assert.deepEqual(patchSettings(gallery, "IfRequired"), {
      patchMode: "ImageDefault",
      assessmentMode: "ImageDefault",
    });
  });
  table(
    "when Azure reboots after patching",
    (value) => validatePatchReboot(value),
    ["IfRequired", "Never", "Always"],
    ["", "never", "ifRequired", "Unknown", "Never "],
    (value) => `patchReboot must be "IfRequired", "Never" or "Always" (got ${JSON.stringify(value)}).`,
  );
  table(
    "that can't be said of an image that Azure doesn't patch",
    (value: PatchReboot) => validatePatchedImage(value, gallery),
    ["IfRequired"],
    ["Never", "Always"],
    (value) =>
      `patchReboot must be left out with an image that Azure doesn't patch (got ${JSON.stringify(value)} with "${gallery}").`,
  );
  table(
    "Trusted Launch can't be had with a managed image",
    (value) => validateTrustedLaunch(value, true),
    [...urns, gallery, `${gallery}/versions/1.0.0`],
    [managed, managed.toUpperCase()],
    (value) =>
      `trustedLaunch must be false with a managed image (got true with "${value}"). For Trusted Launch, set image to a Gen2 one, such as "Canonical:ubuntu-24_04-lts:server:latest", or to a gallery's.`,
  );
  // Canonical, "Find Ubuntu images on Azure".
  const gen1 = [
    "Canonical:ubuntu-24_04-lts:server-gen1:latest",
    "canonical:ubuntu-24_04-lts:minimal-gen1:latest",
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts:latest",
    "Canonical:0001-com-ubuntu-minimal-jammy:minimal-22_04-lts:latest",
    "Canonical:UbuntuServer:18.04-LTS:latest",
  ];
  table(
    "nor with a Gen1 image, where its name tells",
    (value) => validateTrustedLaunch(value, true),
    [
      DEFAULT_IMAGE,
      "Canonical:ubuntu-24_04-lts:server-arm64:latest",
      "Canonical:ubuntu-24_04-lts:cvm:latest",
      "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest",
      "Canonical:0001-com-ubuntu-confidential-vm-jammy:22_04-lts-cvm:latest",
      "Canonical:UbuntuServer:18_04-lts-gen2:latest",
      // Nobody can tell.
      "Debian:debian-12:12:latest",
      "other:ubuntu-24_04-lts:server-gen1:latest",
    ],
    gen1,
    (value) =>
      `trustedLaunch must be false with a Gen1 image (got true with "${value}"). For Trusted Launch, set image to a Gen2 one, such as "Canonical:ubuntu-24_04-lts:server:latest", or to a gallery's.`,
  );
  test("but such an image works without it", () => {
    for (const image of [managed, ...gen1]) assert.deepEqual(validateTrustedLaunch(image, false), [], image);
  });

  const x64 = [
    "Standard_B2s_v2",
    "Standard_D2s_v5",
    "Standard_NP10s",
    "Standard_DC2as_v5",
    "Standard_E4-2s_v5",
    "Standard_B2ats_v2",
    "Standard_NC24ads_A100_v4",
    "Standard_ND96isr_H100_v5",
    "Standard_HB120rs_v2",
    "Standard_A1_v2",
    "Basic_A1",
  ];
  const arm = [
    "Standard_D2ps_v5",
    "Standard_d2ps_v5",
    "Standard_D2PS_v5",
    "Standard_B2pts_v2",
    "Standard_D2pds_v6",
    "Standard_D2plds_v5",
    "Standard_E4ps_v6",
    "Standard_E4-2pds_v5",
  ];
  table(
    "a size's name",
    validateVmSize,
    [...x64, ...arm],
    [
      "",
      "B2s",
      "Standard_",
      "Standard_B",
      "standard_b2s",
      "Standard B2s",
      "Standard_B2s\n",
      "Standard_B2s ",
      "Premium_B2s",
      "Standard_2B",
    ],
    (value) =>
      `vmSize must be one of Azure's sizes, such as "Standard_B2s_v2" (got ${JSON.stringify(value)}). To list them: az vm list-sizes --location REGION`,
  );
  table(
    "a size is x64, as the extension asks",
    (value) => validateSizeOfInstaller(value, "DockerExtension"),
    x64,
    arm,
    (value) =>
      `vmSize must be an x64 size (got "${value}"). Set vmSize to one, or installer to CustomScript: Azure's DockerExtension doesn't run on Arm.`,
  );
  table(
    "so is an image",
    (value) => validateImageOfInstaller(value, "DockerExtension"),
    [...urns, managed, gallery, `${COMPUTE}/images/arm64`],
    ["Canonical:ubuntu-24_04-lts:server-arm64:latest", "Canonical:ubuntu-ARM64:server:latest"],
    (value) =>
      `image must be an x64 image (got "${value}"). Set image to one, or installer to CustomScript: Azure's DockerExtension doesn't run on Arm.`,
  );
  const armImages = [
    "Canonical:ubuntu-24_04-lts:server-arm64:latest",
    "canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest",
    "Canonical:UbuntuServer:18_04-lts-arm64:latest",
  ];
  // Whose name says nothing of the processor.
  const unknown = [managed, gallery, "Debian:debian-12:12-arm64:latest", "Debian:debian-12:12-gen2:latest"];
  test("another installer runs on Arm and on x64, each with its own image", () => {
    for (const size of [...arm, ...x64]) assert.deepEqual(validateSizeOfInstaller(size, "CustomScript"), []);
    for (const image of armImages) assert.deepEqual(validateImageOfInstaller(image, "CustomScript"), []);
    for (const size of arm) {
      for (const image of [...armImages, ...unknown]) {
        assert.deepEqual(validateArchitecture(image, size), [], `${image} ${size}`);
      }
    }
    for (const size of x64) {
      for (const image of [DEFAULT_IMAGE, ...gen1, ...unknown]) {
        assert.deepEqual(validateArchitecture(image, size), [], `${image} ${size}`);
      }
    }
    assert.deepEqual([x64.some(isArmSize), arm.every(isArmSize)], [false, true]);
  });
  table(
    "no x64 image on an Arm size",
    (value) => validateArchitecture(DEFAULT_IMAGE, value),
    x64,
    arm,
    (value) =>
      `image must be an Arm image for the Arm size "${value}" (got "Canonical:ubuntu-24_04-lts:server:latest"). Set image to one such as "Canonical:ubuntu-24_04-lts:server-arm64:latest", or vmSize to an x64 size.`,
  );
  table(
    "no Arm image on an x64 size",
    (value) => validateArchitecture(value, DEFAULT_VM_SIZE),
    [DEFAULT_IMAGE, ...unknown],
    armImages,
    (value) =>
      `vmSize must be an Arm size for the Arm image "${value}" (got "Standard_B2s_v2"). Set vmSize to one such as "Standard_D2ps_v6", or image to an x64 one.`,
  );
});
