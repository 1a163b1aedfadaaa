/** A program of somebody's: it has the package and the types of Node, and no more. */
import { Client, Fold, GatewayError, textOf } from "@llmgateway/client";
import { GenerateRequestSchema, Role } from "@llmgateway/client/v1";

const client: Client = new Client({ target: "127.0.0.1:1" });
client.close();

const made = new GatewayError("A test.", { code: "UNAVAILABLE" });
if (made.kind !== "UNAVAILABLE" || textOf(new Fold().response) !== "") {
  throw made;
}

export const known = [GenerateRequestSchema.typeName, Role.USER];
