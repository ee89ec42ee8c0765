import { loadConfig } from '../platform/config/config.js';
import { readDemo } from './demo-team.js';
import { demoLines } from './start-banner.js';

const config = loadConfig();
const demo = readDemo(config.dataDir);
if (demo === null) {
  console.error(
    `There is no demo team in ${config.dataDir}: it is made by the first \`npm start\` on an empty database.`,
  );
  process.exitCode = 1;
} else {
  console.log(`${demoLines(demo, `http://${config.host}:${config.port}`).join('\n')}\n`);
}
