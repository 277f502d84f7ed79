/** Signing in to Azure. */
import type { Cause } from "./cause";

export const SIGN_IN: Cause[] = [
  {
    name: "federated credential",
    pattern: /AADSTS(70021|700213|7002138)\b|No matching federated identity record/,
    advice: (of) =>
      `Azure doesn't trust this pipeline's token. The subject of the app registration's federated credential must be exactly the subject that the pipeline sends, in upper and lower case: ${of(/[Aa]ssertion [Ss]ubject:? '([^'\s]+)'/, 'the log\'s "subject"')}. Type az ad app federated-credential list --id CLIENT-ID to see the subjects that it has.`,
  },
  {
    name: "client secret",
    pattern: /AADSTS(7000215|7000222)\b/,
    advice: () =>
      "The service principal's client secret is wrong or has expired. Sign in by OIDC instead, which needs no secret: set ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID. To keep a secret, type az ad app credential reset --id CLIENT-ID, and put the new one into the pipeline's secret store. Then run again.",
  },
  {
    name: "token of the pipeline expired",
    pattern: /AADSTS700024\b/,
    advice: () =>
      "The pipeline's OIDC token expired during the run. Run again. To let the provider fetch a new token when it needs one, set ARM_OIDC_REQUEST_URL and ARM_OIDC_REQUEST_TOKEN instead of ARM_OIDC_TOKEN. In GitHub Actions the permission id-token: write is enough.",
  },
  {
    name: "not signed in",
    pattern: /run:? ?['"`]?az login|failed to acquire a token|AADSTS700082\b/,
    advice: () =>
      "You aren't signed in to Azure. On your computer, type az login. In a pipeline, set ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID. Then run again.",
  },
];
