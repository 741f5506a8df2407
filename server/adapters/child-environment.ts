/** Our own settings (a credential may be among them), and what systemd tells a service alone: where its credentials lie, most of all. */
const OURS = /^(TAGWAVE_|CREDENTIALS_DIRECTORY$|NOTIFY_SOCKET$|WATCHDOG_|LISTEN_|NODE_OPTIONS$|NODE_CHANNEL_)/;
/** What is called like a secret is one, whoever it is for. */
const SECRET = /TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY/i;

/** For git and what it starts: the user's own environment, which may be how they prove who they are, without what is only ours. */
export function environmentForGit(): NodeJS.ProcessEnv {
  return only((name) => !OURS.test(name));
}

/** For a site's own programs, which have no business with anybody's secrets. */
export function environmentForPrograms(): NodeJS.ProcessEnv {
  return only((name) => !OURS.test(name) && !SECRET.test(name));
}

function only(isWanted: (name: string) => boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isWanted(name)));
}
