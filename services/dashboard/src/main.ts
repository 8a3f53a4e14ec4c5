import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { preferences } from './lib/preferences.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html lacks #app');
preferences.applyTheme();
mount(App, { target });
