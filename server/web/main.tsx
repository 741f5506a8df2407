import './theme.css';
import './parts/parts.css';
import './parts/chip.css';
import './layout.css';
import { render } from 'preact';
import { Layout } from './layout.tsx';
import { follow } from './live.ts';
import { keepScroll } from './scroll.ts';
import { returnToPlace } from './session.ts';
import { applyTheme } from './theme.ts';
import { findOut } from './who.ts';

applyTheme();
returnToPlace();
keepScroll();
const root = document.getElementById('page');
if (root !== null) render(<Layout />, root);
void findOut();
void follow();
