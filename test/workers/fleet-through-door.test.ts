import { askThroughDoor } from '../http/through-door.ts';

// What holds for one process holds through a door.
askThroughDoor();
await import('../http/fleet.test.ts');
