// Answers of the npm evaluator @openfeature/flagd-core: the same task and answers as evaluate.py.
const fs = require("node:fs");
const { FlagdCore } = require("@openfeature/flagd-core");

const task = JSON.parse(fs.readFileSync(0, "utf8"));
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
for (const path of task.files) {
  const core = new FlagdCore();
  core.setConfigurations(fs.readFileSync(path, "utf8"));
  const answers = task.keys.map(([targetingKey, rolloutBucket]) => {
    const context = rolloutBucket === null ? { targetingKey } : { targetingKey, rolloutBucket };
    const details = core.resolveBooleanEvaluation(task.flag, false, context, quiet);
    if (details.errorCode) throw new Error(`${path}: ${JSON.stringify(targetingKey)}: ${details.errorCode}`);
    return details.value ? "1" : "0";
  });
  console.log(answers.join(""));
}
