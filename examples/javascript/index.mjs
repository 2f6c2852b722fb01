// Sets up a SIP trunk from nothing with the AWS SDK for JavaScript v3, looks at it and takes it
// down again.
//
//     eval "$(ovc env)"
//     npm ci
//     node index.mjs [PBX STAND-BY]
//
// Without addresses both are this machine, as the local run (`ovc up`) allows.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AssociatePhoneNumbersWithVoiceConnectorCommand,
  AssociatePhoneNumbersWithVoiceConnectorGroupCommand,
  BadRequestException,
  BatchDeletePhoneNumberCommand,
  ChimeSDKVoiceClient,
  ConflictException,
  CreatePhoneNumberOrderCommand,
  CreateVoiceConnectorCommand,
  CreateVoiceConnectorGroupCommand,
  DeleteVoiceConnectorCommand,
  DeleteVoiceConnectorGroupCommand,
  DeleteVoiceConnectorTerminationCommand,
  DisassociatePhoneNumbersFromVoiceConnectorCommand,
  DisassociatePhoneNumbersFromVoiceConnectorGroupCommand,
  GetPhoneNumberCommand,
  GetPhoneNumberOrderCommand,
  GetVoiceConnectorCommand,
  GetVoiceConnectorOriginationCommand,
  ListVoiceConnectorTerminationCredentialsCommand,
  NotFoundException,
  PutVoiceConnectorOriginationCommand,
  PutVoiceConnectorTerminationCommand,
  PutVoiceConnectorTerminationCredentialsCommand,
  SearchAvailablePhoneNumbersCommand,
  UpdateVoiceConnectorGroupCommand,
} from "@aws-sdk/client-chime-sdk-voice";

const NAME = "JavaScript example";
const [pbx = "127.0.0.1", standBy = pbx] = process.argv.slice(2);

// The SDK reads AWS_REGION where Python reads AWS_DEFAULT_REGION; the endpoint and the keys come
// from the variables of `ovc env`.
const voice = new ChimeSDKVoiceClient({
  region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION,
});

const send = (Command, input) => voice.send(new Command(input));

/** Makes the connector and everything that is part of it. */
async function setUpConnector() {
  const { VoiceConnector: connector } = await send(CreateVoiceConnectorCommand, {
    Name: NAME,
    RequireEncryption: false,
  });
  const VoiceConnectorId = connector.VoiceConnectorId;
  const route = (Host, Priority) => ({
    Host, Port: 5060, Protocol: "UDP", Priority, Weight: 1,
  });
  await send(PutVoiceConnectorOriginationCommand, {
    VoiceConnectorId,
    Origination: { Routes: [route(pbx, 1), route(standBy, 2)] },
  });
  await send(PutVoiceConnectorTerminationCommand, {
    VoiceConnectorId,
    Termination: {
      CallingRegions: ["US", "CA"],
      CidrAllowedList: [...new Set([pbx, standBy])].map((host) => `${host}/32`),
      CpsLimit: 1,
    },
  });
  await send(PutVoiceConnectorTerminationCredentialsCommand, {
    VoiceConnectorId,
    Credentials: [{ Username: "pbx", Password: randomBytes(16).toString("hex") }],
  });
  return connector;
}

/** Orders numbers and waits until they are ours. */
async function orderNumbers(count) {
  const { E164PhoneNumbers } = await send(SearchAvailablePhoneNumbersCommand, {
    AreaCode: "305",
    MaxResults: count,
  });
  const { PhoneNumberOrder: placed } = await send(CreatePhoneNumberOrderCommand, {
    ProductType: "VoiceConnector",
    E164PhoneNumbers,
  });
  const { PhoneNumberOrderId } = placed;
  for (let tries = 0; tries < 120; tries += 1) {
    const { PhoneNumberOrder: order } = await send(GetPhoneNumberOrderCommand, {
      PhoneNumberOrderId,
    });
    if (order.Status === "Successful") return E164PhoneNumbers;
    assert.equal(order.Status, "Processing", "the order has failed");
    await sleep(1_000);
  }
  throw new Error("the order takes too long");
}

/** Reads back what was written: types as the SDK declares them, dates as Date. */
async function look(connector, number) {
  const { VoiceConnectorId } = connector;
  const { VoiceConnector: read } = await send(GetVoiceConnectorCommand, { VoiceConnectorId });
  assert.deepEqual(read, connector);
  assert.ok(read.CreatedTimestamp instanceof Date);
  assert.ok(Math.abs(Date.now() - read.CreatedTimestamp.getTime()) < 600_000);
  const { Origination } = await send(GetVoiceConnectorOriginationCommand, { VoiceConnectorId });
  assert.deepEqual(Origination.Routes.map((route) => route.Priority), [1, 2]);
  assert.equal(Origination.Disabled, false);
  const { Usernames } = await send(ListVoiceConnectorTerminationCredentialsCommand, {
    VoiceConnectorId,
  });
  assert.deepEqual(Usernames, ["pbx"]);
  const { PhoneNumber: owned } = await send(GetPhoneNumberCommand, { PhoneNumberId: number });
  assert.equal(owned.E164PhoneNumber, number);
  assert.equal(owned.Status, "Assigned");
  assert.ok(owned.Associations[0].AssociatedTimestamp instanceof Date);
}

/** Errors come as the classes that the SDK has for them. */
async function meetErrors(connector) {
  const { VoiceConnectorId } = connector;
  await assert.rejects(
    send(GetVoiceConnectorCommand, { VoiceConnectorId: "unknown" }),
    (error) => error instanceof NotFoundException && error.$metadata.httpStatusCode === 404,
  );
  await assert.rejects(
    send(CreateVoiceConnectorCommand, { Name: "a@b", RequireEncryption: false }),
    (error) => error instanceof BadRequestException && /Name/.test(error.message),
  );
  // Its numbers stand in the way.
  await assert.rejects(
    send(DeleteVoiceConnectorCommand, { VoiceConnectorId }),
    (error) => error instanceof ConflictException && error.Code === "PhoneNumberAssociationsExist",
  );
}

const connector = await setUpConnector();
const { VoiceConnectorId } = connector;
const [direct, shared] = await orderNumbers(2);
await send(AssociatePhoneNumbersWithVoiceConnectorCommand, {
  VoiceConnectorId,
  E164PhoneNumbers: [direct],
});
await look(connector, direct);
await meetErrors(connector);

const { VoiceConnectorGroup: group } = await send(CreateVoiceConnectorGroupCommand, {
  Name: NAME,
  VoiceConnectorItems: [{ VoiceConnectorId, Priority: 1 }],
});
const { VoiceConnectorGroupId } = group;
await send(AssociatePhoneNumbersWithVoiceConnectorGroupCommand, {
  VoiceConnectorGroupId,
  E164PhoneNumbers: [shared],
});
console.log(`send calls to   ${connector.OutboundHostName}`);
console.log(`you are called  at ${direct}, and at ${shared} through the group`);

await send(DisassociatePhoneNumbersFromVoiceConnectorGroupCommand, {
  VoiceConnectorGroupId,
  E164PhoneNumbers: [shared],
});
await send(UpdateVoiceConnectorGroupCommand, {
  VoiceConnectorGroupId,
  Name: NAME,
  VoiceConnectorItems: [],
});
await send(DeleteVoiceConnectorGroupCommand, { VoiceConnectorGroupId });
await send(DisassociatePhoneNumbersFromVoiceConnectorCommand, {
  VoiceConnectorId,
  E164PhoneNumbers: [direct],
});
const { PhoneNumberErrors } = await send(BatchDeletePhoneNumberCommand, {
  PhoneNumberIds: [direct, shared],
});
assert.deepEqual(PhoneNumberErrors, []);
await send(DeleteVoiceConnectorTerminationCommand, { VoiceConnectorId });
await send(DeleteVoiceConnectorCommand, { VoiceConnectorId });
console.log("taken down again");
