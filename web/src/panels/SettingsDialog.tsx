import { Tabs } from 'radix-ui';
import { setSnap, setThemeChoice } from '../state/preferences';
import { switchLanguage } from '../state/start';
import { setState, useStore, type SettingsPage, type ThemeChoice } from '../state/store';
import { chosenLanguage, LANGUAGES, TEXT, type Language } from '../text';
import { IconButton } from './icons';
import { Modal } from './Modal';
import { ShortcutList } from './ShortcutList';

const THEMES: readonly ThemeChoice[] = ['system', 'dark', 'light'];
const isLanguage = (value: string): value is Language => value in LANGUAGES;

function close(): void {
  setState({ settings: null });
}

function ThemeField() {
  const choice = useStore((s) => s.themeChoice);
  const { settings } = TEXT;
  return (
    <label className="setting">
      <span>{settings.theme}</span>
      <select value={choice} onChange={(event) => setThemeChoice(THEMES.find((each) => each === event.currentTarget.value) ?? 'system')}>
        {THEMES.map((each) => <option key={each} value={each}>{settings.themes[each]}</option>)}
      </select>
    </label>
  );
}

function LanguageField() {
  const choose = (value: string): void => void switchLanguage(isLanguage(value) ? value : null);
  return (
    <label className="setting">
      <span>{TEXT.settings.language}</span>
      <select value={chosenLanguage() ?? ''} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">{TEXT.settings.browserLanguage}</option>
        {Object.entries(LANGUAGES).map(([language, name]) => <option key={language} value={language} lang={language}>{name}</option>)}
      </select>
    </label>
  );
}

function SnapField() {
  const snap = useStore((s) => s.snap);
  return <label className="setting"><span>{TEXT.settings.snap}</span><input type="checkbox" checked={snap} onChange={(event) => setSnap(event.currentTarget.checked)} /></label>;
}

/** Who one is, and the way out; phones have no status line that says it. */
function AccountField() {
  const me = useStore((s) => s.me);
  return me && <p className="setting"><a href="/login">{TEXT.status.me(me.name, me.role)}</a></p>;
}

/** The settings: how the page looks and speaks, and its shortcuts. */
export function SettingsDialog({ page }: { page: SettingsPage }) {
  const { settings, actions } = TEXT;
  return (
    <Modal className="settings" label={actions.settings} onClose={close}>
      <div className="drawer-head"><h2>{actions.settings}</h2><IconButton icon="close" label={actions.close} onClick={close} /></div>
      <Tabs.Root className="settings-tabs" value={page} onValueChange={(value) => setState({ settings: value === 'shortcuts' ? 'shortcuts' : 'general' })}>
        <Tabs.List className="tabs" aria-label={actions.settings}>
          <Tabs.Trigger value="general">{settings.general}</Tabs.Trigger>
          <Tabs.Trigger value="shortcuts">{actions.shortcuts}</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="general" className="settings-page"><ThemeField /><LanguageField /><SnapField /><AccountField /><p className="quiet">{settings.motion}</p></Tabs.Content>
        <Tabs.Content value="shortcuts" className="settings-page"><ShortcutList /></Tabs.Content>
      </Tabs.Root>
    </Modal>
  );
}
