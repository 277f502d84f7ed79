// Loaded before a program that is measured: tells at its end how much memory and time it took. Other processes that inherit
// the same NODE_OPTIONS are not measured.
const { writeFileSync } = require("node:fs");

if (/[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]run/.test(process.argv[1] ?? "")) {
  process.on("exit", () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    const reading = { mebibytes: maxRSS / 1024, processorSeconds: (userCPUTime + systemCPUTime) / 1e6 };
    writeFileSync(process.env.BENCH_METER, JSON.stringify(reading));
  });
}
