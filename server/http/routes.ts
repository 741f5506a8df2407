import type { Route } from './route.ts';
import { clientBuildRoute, clientReleaseRoute, installScriptRoute } from './routes/client.ts';
import { diffRoute } from './routes/diff.ts';
import { enrolmentRoute } from './routes/enrolment.ts';
import { enrolmentsRoute, putEnrolmentRoute } from './routes/enrolments.ts';
import { eventsRoute } from './routes/events.ts';
import { explainRoute } from './routes/explain.ts';
import { fleetRoute } from './routes/fleet.ts';
import { forecastRoute } from './routes/forecast.ts';
import { healthRoute, readyRoute } from './routes/health.ts';
import {
  deleteEnvironmentKillswitchRoute,
  deleteKillswitchRoute,
  getKillswitchesRoute,
  getKillswitchRoute,
  putEnvironmentKillswitchRoute,
  putKillswitchRoute,
} from './routes/killswitch.ts';
import { liveRoute } from './routes/live.ts';
import { loginCallbackRoute, loginRoute } from './routes/login.ts';
import { mapRoute } from './routes/map.ts';
import { deleteMarkRoute, putMarkRoute } from './routes/mark.ts';
import { metricsRoute } from './routes/metrics.ts';
import { nodeRoute } from './routes/node.ts';
import { nodeArchiveRoute, nodeManifestRoute } from './routes/node-content.ts';
import { nodeDiffRoute, nodeFilesRoute } from './routes/node-files.ts';
import { nodeTokenRoute } from './routes/node-token.ts';
import { nodesRoute } from './routes/nodes.ts';
import { openapiRoute } from './routes/openapi.ts';
import { pageAssetRoute, pageRoute } from './routes/page.ts';
import { deletePinRoute, putPinRoute } from './routes/pin.ts';
import { previewRoute } from './routes/preview.ts';
import { pushRoute } from './routes/push.ts';
import { recordRoute } from './routes/record.ts';
import { reportsRoute } from './routes/reports.ts';
import { logoutRoute, sessionRoute } from './routes/session.ts';
import { snapshotsRoute } from './routes/snapshots.ts';
import { statusRoute } from './routes/status.ts';
import { tagRoute, tagsRoute } from './routes/tags.ts';
import { deleteTokenRoute, postTokenRoute, tokensRoute } from './routes/tokens.ts';
import { viewArchiveRoute, viewManifestRoute } from './routes/view-content.ts';

/** Everything that is answered. */
export const ROUTES: readonly Route[] = [
  nodeRoute,
  nodeArchiveRoute,
  nodeManifestRoute,
  viewArchiveRoute,
  viewManifestRoute,
  reportsRoute,
  installScriptRoute,
  clientReleaseRoute,
  clientBuildRoute,
  pageRoute,
  pageAssetRoute,
  healthRoute,
  readyRoute,
  statusRoute,
  mapRoute,
  metricsRoute,
  tagsRoute,
  tagRoute,
  putMarkRoute,
  deleteMarkRoute,
  getKillswitchesRoute,
  getKillswitchRoute,
  putKillswitchRoute,
  putEnvironmentKillswitchRoute,
  deleteKillswitchRoute,
  deleteEnvironmentKillswitchRoute,
  nodesRoute,
  fleetRoute,
  recordRoute,
  explainRoute,
  putPinRoute,
  deletePinRoute,
  forecastRoute,
  previewRoute,
  diffRoute,
  nodeFilesRoute,
  nodeDiffRoute,
  snapshotsRoute,
  pushRoute,
  eventsRoute,
  liveRoute,
  enrolmentRoute,
  nodeTokenRoute,
  enrolmentsRoute,
  putEnrolmentRoute,
  tokensRoute,
  postTokenRoute,
  deleteTokenRoute,
  loginRoute,
  loginCallbackRoute,
  sessionRoute,
  logoutRoute,
  openapiRoute(() => ROUTES),
];
