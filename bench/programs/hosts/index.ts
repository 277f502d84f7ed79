/** As many hosts of this project's component as are asked for, in one resource group. */
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";
import { DockerHost } from "../../../components/dockerHost";

export = (): void => {
  const group = new resources.ResourceGroup("group", { resourceGroupName: "hosts" });
  for (let host = 1; host <= new pulumi.Config().requireNumber("hosts"); host++) {
    new DockerHost(
      `host-${host}`,
      { resourceGroupName: group.name, location: group.location, dockerSources: ["203.0.113.0/24"] },
      { deletedWith: group },
    );
  }
};
