// Serves aimock, CopilotKit's mock of many providers' APIs: prints its URL, and ends with its standard input.
// What it answers is told over its control API; only the sorting of documents has to be told here.
import { LLMock } from "@copilotkit/aimock";

const [key] = process.argv.slice(2);
const mock = new LLMock({ port: 0, strict: true, logLevel: "silent", chunkSize: 4, auth: { apiKeys: [key] } });
mock.onRerank(/.*/, [
  { index: 1, relevance_score: 0.9 },
  { index: 0, relevance_score: 0.25 },
]);
console.log(await mock.start());
process.stdin.on("end", () => process.exit(0)).resume();
