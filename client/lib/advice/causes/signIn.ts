/** Signing in to Azure. */
import type { Cause } from "./cause";

export const SIGN_IN: Cause[] = [
  {
    name: "federated credential",
    pattern: /AADSTS(70021|700213|7002138)\b|No matching federated identity record/,
    advice: (of) =>
      `Azure doesn't trust this pipeline's token. The federated credential of the app registration must have the very subject, in upper and lower case, that the pipeline shows: ${of(/[Aa]ssertion [Ss]ubject:? '([^'\s]+)'/, 'the log\'s "subject"')}. az ad app federated-credential list --id CLIENT-ID shows what it has.`,
  },
  {
    name: "client secret",
    pattern: /AADSTS(7000215|7000222)\b/,
    advice: () =>
      "The service principal's client secret is wrong or has expired. Better have none: sign in by OIDC (ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID, ARM_SUBSCRIPTION_ID). Else az ad app credential reset --id CLIENT-ID, and put the new one into the pipeline's secret store.",
  },
  {
    name: "token of the pipeline expired",
    pattern: /AADSTS700024\b/,
    advice: () =>
      "The pipeline's OIDC token expired during the run. Run again. To let the provider fetch a new token when it needs one, give it ARM_OIDC_REQUEST_URL and ARM_OIDC_REQUEST_TOKEN instead of ARM_OIDC_TOKEN. In GitHub Actions the permission id-token: write is enough.",
  },
  {
    name: "not signed in",
    pattern: /run:? ?['"`]?az login|failed to acquire a token|AADSTS700082\b/,
    advice: () =>
      "Nobody is signed in to Azure here. A person: az login. A pipeline: ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID. Then run again.",
  },
];
