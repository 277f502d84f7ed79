/** Errors of Azure in real runs, from the issue named beside each, and the advice that each gets. */

export interface AzureLog {
  /** The cause's name in the table. */
  cause: string;
  /** Where the log stands: an issue of GitHub's. */
  source: string;
  log: string;
  /** How the advice begins. */
  begins: string;
  /** The command that it tells to type. */
  types: string[];
}

const ID = "/subscriptions/8a205152-b25a-417f-a676-80465535a6c9/resourceGroups/azure-docker-host-dev";
const TRUSTED_LAUNCH =
  "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ.";
const POLICY =
  '{"policyAssignment":{"name":"LTIM - Network interfaces should not have public IPs","id":"/providers/Microsoft.Management/managementGroups/ff355289-721e-4dd7-a663-afec62ab9d54/providers/Microsoft.Authorization/policyAssignments/68cbd21a92ec43d983c3422d"},"policyDefinition":{"name":"LTIM - Network interfaces should not have public IPs","id":"/providers/Microsoft.Management/managementGroups/ff355289-721e-4dd7-a663-afec62ab9d54/providers/Microsoft.Authorization/policyDefinitions/4dd4c538-9f9e-422f-a12d-2ee411672960","version":"1.0.0"}}';
const POLICY_LOG = `(RequestDisallowedByPolicy) Resource 'my-vmVMNic' was disallowed by policy. Policy identifiers: '[${POLICY}]'.`;
const POLICY_ADVICE = {
  cause: "policy",
  source: "Azure/azure-cli#32417",
  begins:
    "A policy of your organization refuses a resource: LTIM - Network interfaces should not have public IPs. Ask the owner",
  types: ["pulumi config set publicIp false", "pulumi config set subnetId ID", "pulumi up"],
};
/** As a VM's request is shown by azure-native, for the names in it. */
const PUT_VM = `error: PUT https://management.azure.com${ID}/providers/Microsoft.Compute/virtualMachines/docker-host-vm`;
const VM_URN =
  "urn:pulumi:prod::azure-docker-host::azure-docker-host:index:DockerHost$azure-native:compute:VirtualMachine::docker-host-vm";

export const AZURE_LOGS: AzureLog[] = [
  {
    cause: "token of the pipeline expired",
    source: "AzureAD/microsoft-authentication-library-for-java#984",
    log: "AADSTS700024: Client assertion is not within its valid time range. Current time: 2025-08-29T05:47:32.1501147Z, assertion valid from 1970-01-01T00:00:00.0000000Z, expiry time of assertion 2025-08-29T00:30:05.0000000Z. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials . Trace ID: 7a84b74b-1889-494f-b408-66e8b36c7400 Correlation ID: d75bd923-d9ca-4d18-b80e-b13851840fa9 Timestamp: 2025-08-29 05:47:32Z",
    begins: "The pipeline's OIDC token expired during the run. Run again.",
    types: ["ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN"],
  },
  {
    cause: "subscription disabled",
    source: "microsoft/vscode-azureappservice#1646",
    log: "Error type: ReadOnlyDisabledSubscription\nError Message: The subscription '986ab24e-2d94-4677-b455-e2c59fc6592f' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled.",
    begins: "The subscription is disabled, so Azure changes nothing in it.",
    types: ["az account list --all --output table", "pulumi config set azure-native:subscriptionId ID"],
  },
  { ...POLICY_ADVICE, log: POLICY_LOG },
  // The same as an answer's body holds it: a string in JSON.
  { ...POLICY_ADVICE, log: JSON.stringify({ error: { code: "RequestDisallowedByPolicy", message: POLICY_LOG } }) },
  {
    cause: "policy",
    source: "hashicorp/terraform-provider-azurerm's form, Azure/Azure-Landing-Zones#2954",
    log: `StatusCode=403 -- Original Error: Code="RequestDisallowedByPolicy" Message="Resource 'eanprdstsecurity002' was disallowed by policy. Policy identifiers: '[{\\"policyAssignment\\":{\\"name\\":\\"Public network access should be disabled for PaaS services\\",\\"id\\":\\"/providers/Microsoft.Management/managementGroups/lolcorp-lz-000/providers/Microsoft.Authorization/policyAssignments/Deny-Public-Endpoints\\"}}]'."`,
    begins:
      "A policy of your organization refuses a resource: Public network access should be disabled for PaaS services.",
    types: [],
  },
  {
    cause: "region not allowed",
    source: "microsoft/microsoft-foundry-for-vscode#373",
    log: `HTTP Code 403, Error {"error":{"code":"RequestDisallowedByAzure","target":"ai-agents-project-lab-02-resource","message":"Resource 'ai-agents-project-lab-02-resource' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources. The objective of this policy is to ensure that your subscription has full access to Azure services with optimal performance. Should you need additional or different regions, contact support.."}}`,
    begins: "Azure doesn't let this subscription use this region.",
    types: ["pulumi config set azure-native:location REGION", "pulumi up"],
  },
  {
    cause: "scope locked",
    source: "Azure/apiops#606",
    log: `{"error":{"code":"ScopeLocked","message":"The scope '/subscriptions/***/resourceGroups/***/providers/Microsoft.ApiManagement/service/***/products/dibyakafka-integration/groups/administrators' cannot perform delete operation because following scope(s) are locked: '/subscriptions/***/resourceGroups/***'. Please remove the lock and try again."}}`,
    begins: "A lock on /subscriptions/***/resourceGroups/*** keeps Azure from changing or deleting it.",
    types: ["az lock list --output table", "az lock delete --name NAME --resource-group GROUP"],
  },
  {
    cause: "quota",
    source: "nforgeio/neonKUBE#1671",
    log: "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: centralus, Current Limit: 10, Current Usage: 8, Additional Required: 4, (Minimum) New Limit Required: 12.\nStatus: 409 (Conflict)\nErrorCode: OperationNotAllowed",
    begins: "The subscription's quota of cores is used up.",
    types: ["az vm list-usage --location centralus --output table", "pulumi config set vmSize SIZE"],
  },
  {
    cause: "too many addresses",
    source: "the test data of Azure/mpf: that code's message, as the resource provider says it",
    log: '"message": "{\\r\\n  \\"error\\": {\\r\\n    \\"code\\": \\"IPv4StandardSkuPublicIpCountLimitReached\\",\\r\\n    \\"message\\": \\"Cannot create more than 10 IPv4 Standard SKU public IP addresses for this subscription in this region.\\",\\r\\n    \\"details\\": []\\r\\n  }\\r\\n}"',
    begins: "The subscription may have no more public IPs in this region.",
    types: ["az network public-ip list --output table"],
  },
  {
    cause: "processor",
    source: "New-AzVM's words, the same in microsoft/lisa#4560",
    log: "Cannot create a VM of size 'Standard_B2pts_v2' because this VM size only supports a CPU Architecture of 'Arm64', but an image or disk with CPU Architecture 'x64' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.",
    begins:
      "The size and the image are for different processors. The size Standard_B2pts_v2 is for Arm64, and the image is for x64.",
    types: ["pulumi config set vmSize SIZE", "pulumi config set image IMAGE", "pulumi up"],
  },
  {
    cause: "hypervisor generation",
    source: "microsoft/ga4gh-tes#43",
    log: `"code": "BadRequest", "message": "The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. If this was an Update operation please select a Hypervisor Generation '2' VM Size. For more information, see https://aka.ms/azuregen2vm"`,
    begins: "The size Standard_D1_v2 can't boot the image, which is of generation 2. Choose a size that can",
    types: ["pulumi config set vmSize SIZE", "pulumi config set image IMAGE", "pulumi up"],
  },
  {
    cause: "hypervisor generation",
    source: "redhat-developer/mapt#489, a run of azure-native",
    log: `azure-native:compute:VirtualMachine windows-desktop-10-22h2-ent-e2e-openshift-awd-vm creating (5s) error: Status=400 Code="BadRequest" Message="The selected VM size 'Standard_D16ads_v6' cannot boot Hypervisor Generation '1'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. If this was an Update operation please select a Hypervisor Generation '1' VM Size. For more information, see https://aka.ms/azuregen2vm"`,
    begins: "The size Standard_D16ads_v6 can't boot the image, which is of generation 1.",
    types: [],
  },
  {
    cause: "Trusted Launch and the image",
    source: "Azure/azure-cli#27975",
    log: `{"status":"Failed","error":{"code":"DeploymentFailed","message":"At least one resource deployment operation failed.","details":[{"code":"BadRequest","message":"${TRUSTED_LAUNCH}"}]}}`,
    begins: "The image doesn't support Trusted Launch.",
    types: ["pulumi config set trustedLaunch false", "pulumi config set image IMAGE", "pulumi up"],
  },
  {
    cause: "Trusted Launch and the size",
    source: "Azure/azure-cli#28005",
    log: "The VM size 'Standard_A4_v2' is not supported for creation of VMs and Virtual Machine Scale Set with 'TrustedLaunch' security type.",
    begins: "The size Standard_A4_v2 doesn't support Trusted Launch.",
    types: ["pulumi config set vmSize SIZE", "pulumi config set trustedLaunch false", "pulumi up"],
  },
  {
    cause: "image for Trusted Launch only",
    source: "Azure/build-vm-image#32",
    log: `"At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.\\nThe provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type."`,
    begins: "The image only boots with Trusted Launch.",
    types: ["pulumi config set trustedLaunch true", "pulumi up"],
  },
  {
    cause: "disk already there",
    source: "hashicorp/terraform-provider-azurerm#15513",
    log: `compute.VirtualMachinesClient#CreateOrUpdate: Failure sending request: StatusCode=0 -- Original Error: autorest/azure: Service returned an error. Status=<nil> Code="ConflictingUserInput" Message="Disk zrs-vm-os-disk already exists in resource group ACH-CCOE-DR-TEST. Only CreateOption.Attach is supported." Target="/subscriptions/fda892b2-"`,
    begins: "A disk of that name is still there, from a VM that was deleted.",
    types: ["az disk delete --resource-group ACH-CCOE-DR-TEST --name zrs-vm-os-disk", "pulumi up"],
  },
  {
    cause: "NIC reserved",
    source: "gardenlinux/gardenlinux#4133",
    log: `Network Interface Name: "gh-20807247443-8783a6d5"): performing Delete: unexpected status 400 (400 Bad Request) with error: NicReservedForAnotherVm: Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry after 180 seconds. Reserved VM: /subscriptions/***/resourceGroups/gh-20807247443-8783a6d5/providers/Microsoft.Compute/virtualMachines/gh-20807247443-8783a6d5`,
    begins: "Azure reserves the NIC for 180 seconds for a VM that failed or was just deleted.",
    types: [],
  },
  {
    cause: "first boot timed out",
    source: "berops/claudie#386",
    log: `${PUT_VM}\nCode="OSProvisioningTimedOut" Message="OS Provisioning for VM 'ts1-azure-8yuszmh-azure-compute-2' did not finish in the allotted time. The VM may still finish provisioning successfully. Please check provisioning state later. For details on how to check current provisioning state of Windows VMs, refer to https://aka.ms/WindowsVMLifecycle and Linux VMs, refer to https://aka.ms/LinuxVMLifecycle."`,
    begins:
      "The VM's first boot took longer than Azure waits. It may still finish. Wait some minutes, then run pulumi up.",
    types: [
      "az vm boot-diagnostics get-boot-log --resource-group azure-docker-host-dev --name docker-host-vm",
      "pulumi up --replace 'URN' (pulumi stack --show-urns lists the URN)",
    ],
  },
  {
    cause: "first boot failed",
    source: "kubernetes-sigs/windows-testing#496",
    log: `${VM_URN}\n{"status":"Failed","error":{"code":"ResourceOperationFailure","message":"The resource operation completed with terminal provisioning state 'Failed'.","details":[{"code":"OSProvisioningClientError","message":"OS Provisioning for VM 'capz-conf-6l2q7' did not finish in the allotted time. However, the VM guest agent was detected running. This suggests the guest OS has not been properly prepared to be used as a VM image (with CreateOption=FromImage). To resolve this issue, either use the VHD as is with CreateOption=Attach or prepare it properly for use as an image:\\r\\n * Instructions for Windows: https://learn.microsoft.com/azure/virtual-machines/windows/prepare-for-upload-vhd-image\\r\\n * Instructions for Linux: https://learn.microsoft.com/azure/virtual-machines/linux/create-upload-generic "}]}}`,
    begins: "The VM's first boot failed: its system didn't report to Azure that it is set up.",
    types: ["az vm boot-diagnostics get-boot-log --resource-group GROUP --name VM", `pulumi up --replace '${VM_URN}'`],
  },
  {
    cause: "VM not running",
    source: "hashicorp/terraform-provider-azurerm#477",
    log: `${PUT_VM}/extensions/docker\ncompute.VirtualMachineExtensionsClient#Delete: Failure responding to request: StatusCode=409 -- Original Error: autorest/azure: Service returned an error. Status=409 Code="OperationNotAllowed" Message="Cannot modify extensions in the VM when the VM is not running."`,
    begins: "The VM isn't running, so Azure refuses any change to its extensions, a tag too.",
    types: ["az vm start --resource-group azure-docker-host-dev --name docker-host-vm"],
  },
  {
    cause: "extension not in the region",
    source: "MicrosoftDocs/azure-docs#10862",
    log: `"code": "ArtifactNotFound",\n    "message": "Extension with publisher 'Microsoft.Compute', type 'CustomScriptExtension', and type handler version '2.0' could not be found in the extension repository."`,
    begins: "The region doesn't have this version of the extension CustomScriptExtension.",
    types: [
      "az vm extension image list --location REGION --publisher Microsoft.Compute --name CustomScriptExtension --output table",
      "pulumi config set installer CustomScript",
      "pulumi up",
    ],
  },
  {
    cause: "busy",
    source: "pulumi/pulumi-azure-native#1450, a run of azure-native",
    log: `azure-native:compute:VirtualMachine (vm):\n      error: 1 error occurred:\n      \t* Code="RetryableError" Message="A retryable error occurred."`,
    begins:
      "Azure was busy: too many requests, another operation on the same resource, or an error that Azure calls retryable.",
    types: [],
  },
  {
    cause: "busy",
    source: "hashicorp/terraform#7986",
    log: `autorest/azure: Service returned an error. Status=429 Code="RetryableError" Message="A retryable error occured." Details=[{"code":"ReferencedResourceNotProvisioned","message":"Cannot proceed with operation because resource /subscriptions/4df9b22d-85c6-440a-a1ab-f230d65e619c/resourceGroups/kuberneteslabs/providers/Microsoft.Network/virtualNetworks/KubeVNET/subnets/etcd used by resource /subscriptions/4df9b22d-85c6-440a-a1ab-f230d65e619c/resourceGroups/kuberneteslabs/providers/Microsoft.Network/networkInterfaces/etcd-0-nic is not in Succeeded state. Resource is in Updating state and the last operation that updated/is updating the resource is PutSubnetOperation."}]`,
    begins: "Azure was busy",
    types: [],
  },
];
