UPDATE `Component` SET `Condition` = 'INSTALLSERVICE <> "0"' WHERE `Component` = 'Msgd'
INSERT INTO `Component` (`Component`, `ComponentId`, `Directory_`, `Attributes`, `KeyPath`) VALUES ('Settings', '{78D32E6B-C554-5FB6-A015-9439C6C9E3D4}', 'INSTALLDIR', 260, 'MSGACCOUNT')
INSERT INTO `Component` (`Component`, `ComponentId`, `Directory_`, `Attributes`, `Condition`, `KeyPath`) VALUES ('Path', '{D3C7A970-2C3A-5A6F-B337-2115076A302C}', 'INSTALLDIR', 260, 'ADDPATH <> "0"', 'Folder')
INSERT INTO `FeatureComponents` (`Feature_`, `Component_`) VALUES ('Msg', 'Settings')
INSERT INTO `FeatureComponents` (`Feature_`, `Component_`) VALUES ('Msg', 'Path')
UPDATE `Property` SET `Value` = 'ADDPATH;INSTALLSERVICE;MSGACCOUNT;SAVEDADDPATH;SAVEDINSTALLSERVICE;SAVEDMSGACCOUNT;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED' WHERE `Property` = 'SecureCustomProperties'
