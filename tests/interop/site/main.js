import { said } from './said.js';

const show = (text) => { document.querySelector('#said').textContent = text; };
show(said);
if (import.meta.hot) {
    import.meta.hot.accept('./said.js', (changed) => show(changed.said));
}
const websocket = location.search.includes('websocket');
window.addEventListener('load', () => window.converse.initialize({
    authentication: 'prebind',
    prebind_url: '/prebind',
    ...(websocket ? { websocket_url: `ws://${location.host}/xmpp-websocket` } : { bosh_service_url: '/http-bind' }),
    ...(websocket ? { authentication: 'login', jid: 'alice@localhost', password: 'secret' } : {}),
    auto_login: true,
    discover_connection_methods: false,
    xmpp_providers_url: '',
    autocomplete_providers_url: '',
    assets_path: '/dist',
    view_mode: 'overlayed',
    show_controlbox_by_default: true,
    blacklisted_plugins: ['converse-omemo'],
}));
