import type { NonEmpty } from './random.ts';

/** Invented names. Addresses and domains are reserved for examples. */

export const sites: NonEmpty<[site: string, groups: NonEmpty<string>]> = [
  ['Headquarters', ['Default Group', 'Workstations', 'Servers']],
  ['Zürich', ['Default Group', 'Laboratory']],
  ['São Paulo', ['Default Group', 'Point of Sale']],
];

// biome-ignore format: a list of names
export const people: NonEmpty<string> = [
  'amelia.hart', 'björn.åkesson', 'chidi.okafor', 'dana.novák', 'elif.yıldız', 'farid.haddad', 'grace.lin',
  'hugo.martínez', 'ines.duarte', 'jun.sato', 'kateřina.malá', 'liam.oconnor', 'maya.rao', 'niklas.weiß',
];

/** The users of the console: name and email address. */
export const operators: NonEmpty<[name: string, mail: string]> = [
  ['Priya Nair', 'priya.nair@example.com'],
  ['Tomás Herrera', 'tomas.herrera@example.com'],
  ['Zoë "Zee" Lindqvist', 'zoe.lindqvist@example.com'],
  ['佐藤 恵', 'megumi.sato@example.com'],
];

export interface System {
  osType: string;
  osName: string;
  osRevision: string;
  osArch: string;
  prefix: string;
  machineType: string;
  model: string;
  network: string;
  installer: string;
}

// biome-ignore format: one system a line
export const systems: NonEmpty<System> = [
  { osType: 'windows', osName: 'Windows 11 Enterprise', osRevision: '22631', osArch: '64 bit', prefix: 'WS', machineType: 'laptop', model: 'LENOVO - 21HM', network: 'Ethernet', installer: '.msi' },
  { osType: 'windows', osName: 'Windows Server 2022 Standard', osRevision: '20348', osArch: '64 bit', prefix: 'SRV', machineType: 'server', model: 'VMware, Inc. - VMware7,1', network: 'Ethernet0', installer: '.exe' },
  { osType: 'macos', osName: 'macOS', osRevision: '14.6.1 (23G93)', osArch: '64 bit', prefix: 'MAC', machineType: 'laptop', model: 'MacBookPro18,3', network: 'en0', installer: '.pkg' },
  { osType: 'linux', osName: 'Linux', osRevision: 'Ubuntu 22.04.4 LTS 5.15.0-113-generic', osArch: '64 bit', prefix: 'LNX', machineType: 'server', model: 'Amazon EC2 - m6i.large', network: 'ens5', installer: '.deb' },
];

export interface Malware {
  name: string;
  extension: string;
  folder: string;
  classification: string;
  engine: [title: string, key: string];
  process: string;
  techniques: [tactic: string, technique: string][];
}

// biome-ignore format: one thing a line
export const malware: NonEmpty<Malware> = [
  { name: 'invoice_2207.pdf.exe', extension: 'EXE', folder: '\\Device\\HarddiskVolume3\\Users\\Public\\Downloads\\', classification: 'Trojan', engine: ['On-Write Static AI', 'on_write'], process: 'explorer.exe', techniques: [['Execution', 'T1204'], ['Defense Evasion', 'T1036']] },
  { name: 'Lohnabrechnung März.docm', extension: 'DOCM', folder: '\\Device\\HarddiskVolume3\\Users\\Public\\Documents\\', classification: 'Malicious Office Document', engine: ['Documents, Scripts', 'data_files'], process: 'WINWORD.EXE', techniques: [['Execution', 'T1059'], ['Initial Access', 'T1566']] },
  { name: 'svch0st.dll', extension: 'DLL', folder: '\\Device\\HarddiskVolume3\\Windows\\Temp\\', classification: 'Infostealer', engine: ['Behavioral AI', 'executables'], process: 'rundll32.exe', techniques: [['Credential Access', 'T1003'], ['Persistence', 'T1547'], ['Exfiltration', 'T1041']] },
  { name: 'updater "beta".sh', extension: 'SH', folder: '/tmp/.cache/', classification: 'Cryptominer', engine: ['SentinelOne Cloud', 'sentinelone_cloud'], process: 'bash', techniques: [['Impact', 'T1496'], ['Persistence', 'T1053']] },
  { name: 'readme_to_decrypt.exe', extension: 'EXE', folder: '\\Device\\HarddiskVolume3\\ProgramData\\', classification: 'Ransomware', engine: ['Anti Exploitation / Fileless', 'exploits'], process: 'powershell.exe', techniques: [['Impact', 'T1486'], ['Defense Evasion', 'T1562'], ['Lateral Movement', 'T1021']] },
];

export const agentVersions: NonEmpty<string> = ['23.4.4.223', '24.1.5.277', '24.2.3.471'];
