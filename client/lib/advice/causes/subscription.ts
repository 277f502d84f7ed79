/** The limits of a subscription: rights, policies, regions, locks, quotas. */
import type { Cause } from "./cause";

export const SUBSCRIPTION: Cause[] = [
  {
    name: "subscription disabled",
    pattern: /\bReadOnlyDisabledSubscription\b/,
    advice: () =>
      "The subscription is disabled, so Azure changes nothing in it. az account list --all --output table shows the state of your subscriptions. Enable this one in the portal (Subscriptions), or use another one with pulumi config set azure-native:subscriptionId ID. Then run again.",
  },
  {
    name: "policy",
    pattern: /\bRequestDisallowedByPolicy\b/,
    advice: (of) =>
      `A policy of your organization refuses a resource: ${of(/policyAssignment\\*":\s*\{\\*"name\\*":\s*\\*"([\w .,()-]+)\\*"/, 'the log names it after "policyAssignment"')}. Ask the owner of the policy for an exemption, or change the setting that it refuses. If it refuses public IPs, type pulumi config set publicIp false and pulumi config set subnetId ID. Then run pulumi up.`,
  },
  {
    name: "region not allowed",
    pattern: /\bRequestDisallowedByAzure\b/,
    advice: () =>
      "Azure doesn't let this subscription use this region. The portal lists the regions that it may use under Policy, Assignments. Choose one of them with pulumi config set azure-native:location REGION, then run pulumi up.",
  },
  {
    name: "scope locked",
    pattern: /\bScopeLocked\b/,
    advice: (of) =>
      `A lock on ${of(/scope\(s\) are locked: '(\/subscriptions\/[\w/.*-]+)'/, "the resource or its group")} keeps Azure from changing or deleting it. Ask the person who set it. az lock list --output table shows its name, and az lock delete --name NAME --resource-group GROUP removes it. Then run the same command again.`,
  },
  {
    name: "not authorized",
    pattern: /\b(Linked)?AuthorizationFailed\b/,
    advice: (of) =>
      `The account that is signed in may not do that. It needs the role Contributor. Type az role assignment create --assignee CLIENT-ID --role Contributor --scope ${of(/over scope '(\/subscriptions\/[\w-]+)/, "/subscriptions/ID")}. A new role takes effect after some minutes. Then run pulumi up.`,
  },
  {
    name: "not registered",
    pattern: /MissingSubscriptionRegistration/,
    advice: (of) =>
      `The subscription isn't registered for this part of Azure. Type az provider register --wait --namespace ${of(/use namespace '([\w.]+)'/, "NAMESPACE")}, then run pulumi up.`,
  },
  {
    name: "quota",
    pattern: /QuotaExceeded|exceeding (approved|quota)/,
    advice: (of) =>
      `The subscription's quota of cores is used up. Type az vm list-usage --location ${of(/Location: (\w+)/, "REGION")} --output table to see it. Ask for more in the portal under Quotas, or choose a smaller size with pulumi config set vmSize SIZE, or another region with pulumi config set azure-native:location REGION. Then run pulumi up.`,
  },
  {
    name: "too many addresses",
    pattern: /PublicI[Pp]CountLimitReached/,
    advice: () =>
      "The subscription may have no more public IPs in this region. Type az network public-ip list --output table to see them. Delete those that nobody uses, or ask for more in the portal under Quotas, or choose another region with pulumi config set azure-native:location REGION. A host without a public IP needs pulumi config set publicIp false and pulumi config set subnetId ID. Then run pulumi up.",
  },
  {
    name: "name taken",
    pattern: /DnsRecordInUse/,
    advice: () =>
      "Another public IP has this DNS name. Choose another label with pulumi config set dnsLabel LABEL, then run pulumi up.",
  },
];
