import { workspace } from 'vscode';
import { settingValue, type SettingName, type SettingValue } from './settingValues.js';

/** The present value of a setting. */
export const setting = <N extends SettingName>(name: N): SettingValue<N> =>
  settingValue(name, workspace.getConfiguration('secureChat').get(name));
