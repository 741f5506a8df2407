/** Texts that make a host ask by itself. The samples are these, with the defaults. */

/** How a host is made to ask: by cron, by systemd's timer, or by a service that stays and waits for changes. */
export type Mode = 'cron' | 'timer' | 'watch';

export interface Installation {
  readonly mode: Mode;
  /** Divides an hour. */
  readonly everyMinutes: number;
  /** Who runs it. Only root may give files to others and reload services. */
  readonly user: string;
  readonly target: string;
  /** The client itself, where systemd finds it. */
  readonly program: string;
}

export interface InstalledFile {
  readonly path: string;
  readonly text: string;
}

export const USUAL: Installation = {
  mode: 'cron',
  everyMinutes: 10,
  user: 'tagwave',
  target: '/var/lib/tagwave',
  program: '/usr/local/bin/tagwave',
};

/** Where a package of the system has it. */
export const PACKAGED = '/usr/bin/tagwave';

export const CRON_FILE = '/etc/cron.d/tagwave';
export const UNITS = {
  poll: '/etc/systemd/system/tagwave-poll.service',
  timer: '/etc/systemd/system/tagwave-poll.timer',
  watch: '/etc/systemd/system/tagwave-watch.service',
} as const;
/** Everything that any mode writes. */
export const INSTALLED_FILES: readonly string[] = [CRON_FILE, UNITS.poll, UNITS.timer, UNITS.watch];

/** Whether a file's text is ours to replace and to remove. */
export function isOurs(text: string): boolean {
  return /^# \/etc\/\S+: .*, as 'tagwave install .*' writes it\.$/m.test(text);
}

/** The files of a mode. */
export function filesOf(installation: Installation): InstalledFile[] {
  switch (installation.mode) {
    case 'cron':
      return [{ path: CRON_FILE, text: cronText(installation) }];
    case 'timer':
      return [
        { path: UNITS.poll, text: pollText(installation) },
        { path: UNITS.timer, text: timerText(installation) },
      ];
    case 'watch':
      return [{ path: UNITS.watch, text: watchText(installation) }];
  }
}

/** The intervals that cron and systemd can keep evenly over an hour, in minutes. */
export function isInterval(minutes: number): boolean {
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= 60 && 60 % minutes === 0;
}

/** The fleet spreads over so much of the interval; the rest is for the run itself. */
function splaySeconds(everyMinutes: number): number {
  return everyMinutes * 54;
}

function cronText({ everyMinutes, user }: Installation): string {
  const splay = splaySeconds(everyMinutes);
  return `# ${CRON_FILE}: this host's own poll, as 'tagwave install --cron' writes it.
# Use this or the systemd timer, not both. Which server to ask stands in /etc/tagwave/client.yml.
#
# The fleet spreads over nine tenths of the interval: the splay is stable for a host, so each keeps its minute. Nothing is
# mailed while nothing changes; a new release is one line, and a killswitch, a hold or a failure is told once and then
# once a day. Without Node on the host, poll.sh of the samples does the same with curl and tar.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=root

${everyMinutes === 60 ? '0' : everyMinutes === 1 ? '*' : `*/${everyMinutes}`} * * * *  ${user}  tagwave poll --splay ${splay}
`;
}

function pollText(installation: Installation): string {
  return `# ${UNITS.poll}: one poll of this host, as 'tagwave install --systemd' writes it.
# tagwave-poll.timer starts it. Which server to ask stands in /etc/tagwave/client.yml.

[Unit]
Description=Tagwave poll
Documentation=file:/usr/share/doc/tagwave/README.md
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
${userText(installation)}ExecStart=${installation.program} poll
# Killswitch, hold and a run that is still busy are answers, not failures of this unit. The journal has the sentence.
SuccessExitStatus=3 4 5
TimeoutStartSec=1h
Nice=10
${sandboxText(installation)}`;
}

function timerText({ everyMinutes }: Installation): string {
  const when = everyMinutes === 60 ? 'hourly' : everyMinutes === 1 ? 'minutely' : `*:0/${everyMinutes}`;
  return `# ${UNITS.timer}: when this host polls, as 'tagwave install --systemd' writes it.

[Unit]
Description=Poll Tagwave every ${everyMinutes} min

[Timer]
OnCalendar=${when}
# The fleet spreads over nine tenths of the interval, and each host keeps its minute.
RandomizedDelaySec=${splaySeconds(everyMinutes)}s
FixedRandomDelay=yes
AccuracySec=1s
# A host that was off asks once when it is back.
Persistent=yes

[Install]
WantedBy=timers.target
`;
}

function watchText(installation: Installation): string {
  return `# ${UNITS.watch}: follows the server, as 'tagwave install --systemd --watch' writes it.
# Instead of the timer: a change is applied when it happens. Which server to ask stands in /etc/tagwave/client.yml.

[Unit]
Description=Tagwave watch
Documentation=file:/usr/share/doc/tagwave/README.md
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
${userText(installation)}ExecStart=${installation.program} watch
# Asks at once.
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=10
# Wrong settings do not get better by trying again.
RestartPreventExitStatus=2
# A hook that runs may finish first.
TimeoutStopSec=2min
Nice=10
${sandboxText(installation)}
[Install]
WantedBy=multi-user.target
`;
}

function userText({ user }: Installation): string {
  return user === 'root' ? '' : `User=${user}\n`;
}

function sandboxText({ user, target }: Installation): string {
  if (user === 'root')
    return `UMask=0022
# Root, without a sandbox: files get their owners, hooks reload services.
`;
  const writable =
    target === USUAL.target ? 'StateDirectory=tagwave\nStateDirectoryMode=0755' : `ReadWritePaths=${escaped(target)}`;
  return `
# Releases are for everyone on the host to read; nothing outside the target is for this unit to write.
${writable}
UMask=0022
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
`;
}

/** As a word of a unit file: quoted, since it may have spaces, and `%` begins what systemd replaces. */
function escaped(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}

/** What a host needs to know, for `/etc/tagwave/client.yml`. */
export interface HostSettings {
  readonly servers: readonly string[];
  readonly hostname: string | undefined;
  /** Undefined: the usual one. */
  readonly target: string | undefined;
  readonly root: string | undefined;
  /** Undefined: the usual one, in the target. */
  readonly tokenFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Where an installed host has the CA that it was given: readable by whoever runs the client. */
export const CA_FILE = '/etc/tagwave/ca.pem';

export function clientYml({ servers, hostname, target, root, tokenFile, ca, cert, key }: HostSettings): string {
  const others = { hostname, target, root, 'token-file': tokenFile, ca, cert, key };
  const lines = [
    "# /etc/tagwave/client.yml: what 'tagwave' on this host goes by. Every flag of 'tagwave poll' is a key here.",
    servers.length === 1
      ? `server: ${JSON.stringify(servers[0])}`
      : `server:\n${servers.map((server) => `  - ${JSON.stringify(server)}`).join('\n')}`,
    ...Object.entries(others).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${JSON.stringify(value)}`],
    ),
  ];
  return `${lines.join('\n')}\n`;
}
